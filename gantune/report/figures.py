"""Plotly figures as plain dictionaries. Colours are CSS variables, which the page resolves for the light and the dark theme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gantune.report.compute import Progress
from gantune.report.finals import CANONICAL, Final
from gantune.report.importance import Importance
from gantune.report.rows import Sweep
from gantune.report.series import rounded

Figure = dict[str, Any]
COLOURS = tuple(f"var(--c{index})" for index in range(1, 9))
MOST_STEPS = 400


def best_so_far(sweeps: Sequence[Sweep], tracks: Sequence[Progress], axis: str, reference: tuple[float, str] | None = None) -> Figure:
    """The running best over cumulative compute; `axis` is "seconds" or "kimg". `reference` is a level to compare with and its label."""
    unit, title = _scale(tracks, axis)
    traces: list[Figure] = []
    for index, (sweep, track) in enumerate(zip(sweeps, tracks, strict=True)):
        x, y, text = _steps(getattr(track, axis), track.best, track.trial)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": sweep.name,
                "x": [rounded(value / unit) for value in x],
                "y": [rounded(value) for value in y],
                "text": text,
                "line": {"shape": "hv", "width": 2.5, "color": COLOURS[index % 8], "dash": ("solid", "dash", "dot")[index // 8 % 3]},
                "hovertemplate": f"{sweep.name} · trial %{{text}}<br>{sweep.label} %{{y:.4g}}<extra></extra>",
            }
        )
    first = sweeps[0]
    layout: Figure = {"xaxis": {"title": {"text": title}, "rangemode": "tozero"}, "yaxis": _value_axis(first, tracks)}
    if reference is not None:
        value, label = reference
        layout["shapes"], layout["annotations"] = level(value, label, log=layout["yaxis"]["type"] == "log")
        layout["yaxis"]["include"] = [rounded(value)]
    layout["showlegend"] = len(sweeps) > 1
    return {"data": traces, "layout": layout}


def level(value: float, label: str, *, log: bool = False, outside: bool = False) -> tuple[list[Figure], list[Figure]]:
    """A dotted line across the panel with its label above its right end, or `outside` of it in the margin."""
    at = math.log10(value) if log else value
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": value, "y1": value}
    line |= {"line": {"color": "var(--line)", "width": 1.5, "dash": "dot"}, "layer": "below"}
    note: Figure = {"xref": "paper", "x": 1, "yref": "y", "y": at, "text": label, "showarrow": False}
    note |= {"xanchor": "left", "yanchor": "middle", "xshift": 5} if outside else {"xanchor": "right", "yanchor": "bottom"}
    return [line], [note | {"font": {"size": 12, "color": "var(--muted)"}}]


def importance_bars(found: Importance) -> Figure:
    """Shares in percent, largest on top."""
    items = list(found.shares.items())[::-1]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [round(100 * share, 1) for _, share in items],
                "y": [name for name, _ in items],
                "text": [f"{100 * share:.0f} %" for _, share in items],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": "var(--c1)"},
                "hovertemplate": "%{y}: %{x} %<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "share of the importance (%)"}, "range": [0, 1.12 * max(100 * share for _, share in items)]},
            "yaxis": {"automargin": True, "type": "category"},
            "bargap": 0.35,
        },
        "height": 90 + 30 * len(items),
    }


def finals_strip(sweep: Sweep, finals: Sequence[Final]) -> Figure:
    """Every seed a dot, the mean ± std a bar beside it; the canonical setting in its own colour."""
    kept = [final for final in finals if final.summary][::-1]
    traces: list[Figure] = []
    for final in kept:
        assert final.summary
        colour = "var(--line)" if final.who == CANONICAL else "var(--c1)"
        error = {"type": "data", "array": [rounded(final.summary.std)], "color": colour, "thickness": 2, "width": 7}
        mean: Figure = {"type": "scatter", "mode": "markers", "x": [rounded(final.summary.mean)], "y": [final.title]}
        mean |= {"marker": {"symbol": "line-ns-open", "size": 22, "color": colour, "line": {"width": 3}}}
        traces.append(mean | {"error_x": error if final.summary.std else {}, "hovertemplate": "mean %{x:.4g}<extra></extra>"})
        dots: Figure = {"type": "scatter", "mode": "markers", "x": [rounded(value) for value in final.values.values()]}
        dots |= {"y": [final.title] * len(final.values), "text": [str(seed) for seed in final.values]}
        dots |= {"marker": {"size": 10, "color": colour, "opacity": 0.75, "line": {"width": 1, "color": "var(--panel)"}}}
        traces.append(dots | {"hovertemplate": "seed %{text}: %{x:.4g}<extra></extra>"})
    order = list(dict.fromkeys(final.title for final in kept))
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": f"{sweep.label} on fresh samples"}},
            "yaxis": {
                "type": "category",
                "categoryorder": "array",
                "categoryarray": order,
                "automargin": True,
                "range": [-0.6, len(order) - 0.4],
            },
            "showlegend": False,
        },
        "height": 100 + 52 * len(order),
    }


def landscape(sweep: Sweep) -> Figure | None:
    """What the page needs to draw the objective over any two searched parameters; None with fewer than two, and of a population, whose
    values are due to schedules."""
    if any(row.record.takeovers for row in sweep.rows):
        return None
    rows = [row for row in sweep.rows if row.value is not None and row.group == (sweep.best.group if sweep.best else None)]
    names = [name for name in sweep.searched if len({str(row.record.params.get(name)) for row in rows}) > 1]
    if not names or len(rows) < 3:
        return None
    rows = rows[::-1]  # the best are drawn last, on top
    return {
        "label": sweep.label,
        "mode": sweep.mode,
        "params": {name: _axis([row.record.params.get(name) for row in rows]) for name in names}
        | {sweep.label: _axis([row.value for row in rows], spread=5)},
        "value": [rounded(row.value) for row in rows],
        "id": [row.id for row in rows],
        "reason": [str(row.record.reason or row.record.state) for row in rows],
        "best": rows[-1].id,
    }


def is_log(values: Sequence[Any], spread: float = 20) -> bool:
    """Whether positive numbers spread over a factor of `spread` or more, so that a log axis serves them."""
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return bool(numbers) and min(numbers) > 0 and max(numbers) / min(numbers) >= spread


def _axis(values: list[Any], spread: float = 20) -> Figure:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values if value is not None)
    distinct = sorted({value for value in values if value is not None}, key=lambda v: v if numbers else str(v))
    whole = all(isinstance(value, int) for value in distinct)
    if not numbers or (len(distinct) <= 6 and (whole or (2 * len(distinct) <= len(values) and not is_log(values, spread)))):
        places = {str(value): index for index, value in enumerate(distinct)}
        labels = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in distinct]
        return {"kind": "steps", "labels": labels, "values": [places.get(str(value)) for value in values]}
    return {"kind": "log" if is_log(values, spread) else "linear", "values": [rounded(value) for value in values]}


def _steps(x: Sequence[float], y: Sequence[float], trial: Sequence[str]) -> tuple[list[float], list[float], list[str]]:
    """Only the reports that improved, and the last, so that long sweeps stay small."""
    kept = [index for index in range(len(y)) if index in (0, len(y) - 1) or y[index] != y[index - 1]]
    if len(kept) > MOST_STEPS:
        kept = [kept[round(place * (len(kept) - 1) / (MOST_STEPS - 1))] for place in range(MOST_STEPS)]
    return [x[index] for index in kept], [y[index] for index in kept], [trial[index] for index in kept]


def _scale(tracks: Sequence[Progress], axis: str) -> tuple[float, str]:
    if axis == "kimg":
        return 1.0, "images of all trials together (kimg)"
    longest = max((track.seconds[-1] for track in tracks if track.seconds), default=0.0)
    unit, name = (3600.0, "hours") if longest > 7200 else (60.0, "minutes") if longest > 300 else (1.0, "seconds")
    return unit, f"device {name} of all trials together"


def _value_axis(sweep: Sweep, tracks: Sequence[Progress]) -> Figure:
    values = [value for track in tracks for value in track.best]
    scale = "log" if is_log(values, 5) else "linear"
    axis: Figure = {"title": {"text": f"best {sweep.label} so far" + (" (log scale)" if scale == "log" else "")}, "type": scale}
    if values and max(values) - min(values) < 0.01 * abs(values[0]):  # a flat line needs a range of its own
        axis["range"] = sorted((0.8 * values[0], 1.2 * values[0]))
    return axis

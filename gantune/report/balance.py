"""Sweeps that search the seed: configurations without it, mean ± std over their seeds, and panels of their curves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from gantune.report.equilibria import Line
from gantune.report.figures import COLOURS, Figure, level
from gantune.report.numbers import setting
from gantune.report.provenance import in_words
from gantune.report.rows import NO_VALUE, NOT_RESCORED, Row, Sweep, finite
from gantune.report.series import PANEL_SIGNALS, trial_series
from gantune.report.welch import Summary, summarise
from gantune.tracking.settings_key import measured_with

MOST_CONFIGURATIONS = 12


@dataclass(frozen=True)
class Configuration:
    """Trials that differ in nothing but the seed, measured with the same settings."""

    title: str
    params: dict[str, Any]
    rows: tuple[Row, ...]  # by seed
    group: str

    @property
    def summary(self) -> Summary | None:
        """The ranked value, mean ± std over seeds."""
        values = finite(row.value for row in self.rows)
        return summarise(values) if values else None

    @property
    def reasons(self) -> str:
        """Why its trials ended, such as `budget ×2, d_won`."""
        names = [str(row.record.reason or row.record.state) for row in self.rows]
        return ", ".join(f"{name} ×{names.count(name)}" if names.count(name) > 1 else name for name in dict.fromkeys(names))

    def last(self, signal: str) -> float | None:
        """The signal's mean over seeds, averaged over the last quarter of each curve."""
        ends = []
        for row in self.rows:
            points = row.record.points
            tail = finite(point.get(signal) for point in points[-max(1, len(points) // 4) :])
            if tail:
                ends.append(sum(tail) / len(tail))
        return sum(ends) / len(ends) if ends else None

    def measured(self, group: str, sweep: Sweep) -> str:
        """How its values were measured, in words."""
        if group in (NO_VALUE, NOT_RESCORED):
            return group
        return in_words(measured_with(sweep.groups[group][0].record.score))


def searches_seed(sweep: Sweep) -> bool:
    """Whether the seed is among the searched parameters and takes more than one value."""
    return len({row.record.params["seed"] for row in sweep.rows if "seed" in row.record.params}) > 1


def configurations(sweep: Sweep) -> list[Configuration]:
    """By their parameters in ascending order; a configuration whose values were measured in two ways appears once for each."""
    found: dict[tuple[str, str], list[Row]] = {}
    valued = {row.group for row in sweep.rows if row.value is not None}
    for row in sweep.rows:
        group = row.group if row.value is not None or len(valued) != 1 else next(iter(valued))
        found.setdefault((_title(row, sweep), group), []).append(row)
    made = [
        Configuration(
            title,
            {name: value for name, value in rows[0].record.params.items() if name != "seed"},
            tuple(sorted(rows, key=lambda row: row.record.params.get("seed", 0))),
            group,
        )
        for (title, group), rows in found.items()
    ]
    return sorted(made, key=lambda one: (one.group, [_sortable(one.params.get(name)) for name in sweep.searched if name != "seed"]))


def panels(sweep: Sweep, found: list[Configuration], line: Line) -> list[Figure]:
    """One figure a configuration: D loss, G loss and the objective over kimg, equal axes in all of them."""
    curves = {id(one): [trial_series(row, sweep.metric) for row in one.rows] for one in found}
    signals = ["d_loss", "g_loss", sweep.metric]
    limits = {name: _limits([series for many in curves.values() for series in many], name, line) for name in signals}
    longest = max((series[name][0][-1] for many in curves.values() for series in many for name in series), default=1.0)
    return [_panel(one, curves[id(one)], signals, limits, longest, sweep.label, line) for one in found]


def _panel(
    one: Configuration, curves: list[Figure], signals: list[str], limits: dict[str, Any], longest: float, label: str, line: Line
) -> Figure:
    traces: list[Figure] = []

    for row, series in zip(one.rows, curves, strict=True):
        for name in (*PANEL_SIGNALS, signals[2]):
            if name not in series:
                continue
            place = {"d_loss": "", "d_loss_heldout": "", "g_loss": "2"}.get(name, "3")
            colour = {"d_loss": COLOURS[0], "d_loss_heldout": COLOURS[1], "g_loss": COLOURS[2]}.get(name, "var(--text)")
            words = {"d_loss": "D loss, training", "d_loss_heldout": "D loss, held out", "g_loss": "G loss"}.get(name, label)
            trace = {"type": "scatter", "mode": "lines", "x": series[name][0], "y": series[name][1], "name": words}
            trace |= {"xaxis": "x", "yaxis": f"y{place}", "legendgroup": name, "showlegend": False, "connectgaps": True}
            trace |= {"line": {"color": colour, "width": 1.4}, "opacity": 0.9}
            seed = row.record.params.get("seed")
            traces.append(trace | {"hovertemplate": f"seed {seed}, {words}: %{{y:.4g}}<extra></extra>"})
    layout: Figure = {"xaxis": {"title": {"text": "kimg"}, "range": [0, 1.02 * longest], "anchor": "y3"}, "showlegend": False}
    unit = " (nats)" if line.label == "ln 2" else ""
    titles = [f"D loss{unit}", f"G loss{unit}", label]
    domains = [[0.70, 1.0], [0.36, 0.64], [0.0, 0.30]]
    for index, (name, title, domain) in enumerate(zip(signals, titles, domains, strict=True)):
        axis = {"title": {"text": title, "standoff": 6}, "domain": domain, "nticks": 4}
        scale, span = limits[name]
        layout[f"yaxis{index + 1 if index else ''}"] = axis | {"type": scale, **({"range": span} if span else {})}
    if line.value is not None:
        layout["shapes"], layout["annotations"] = level(line.value, line.label, outside=True)
        layout["margin"] = {"l": 56, "r": 18 + 7 * len(line.label), "t": 8, "b": 44}
    return {"data": traces, "layout": layout, "height": 520}


def _limits(curves: list[Figure], name: str, line: Line) -> tuple[str, list[float] | None]:
    """Scale and range that hold every configuration; a few wild values do not squeeze the rest."""
    names = ("d_loss", "d_loss_heldout") if name == "d_loss" else (name,)
    values = sorted(finite(value for series in curves for one in names if one in series for value in series[one][1]))
    if not values:
        return "linear", None
    low, high = values[0], values[-1]
    usual = values[min(len(values) - 1, int(0.985 * len(values)))]
    if high - usual > 2 * (usual - low):
        high = usual
    if name == "d_loss" and line.value is not None:
        low, high = min(low, line.value, 0.0 if line.value > 0 else low), max(high, 1.35 * line.value)
    if name not in PANEL_SIGNALS and low > 0 and values[-1] / low > 5:
        return "log", [math.log10(low) - 0.06, math.log10(values[-1]) + 0.06]
    pad = 0.05 * (high - low) or 1.0
    return "linear", [low - pad, high + pad]


def _title(row: Row, sweep: Sweep) -> str:
    given = row.record.params
    return " · ".join(f"{name} {setting(given[name])}" for name in sweep.searched if name != "seed" and name in given)


def _sortable(value: Any) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, (int, float)) else (1, 0.0, str(value))

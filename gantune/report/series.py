"""A trial's curves as the page's panels take them: thinned, rounded, NaN and infinities as gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gantune.report.rows import Row, Sweep

MOST_TRIALS = 60
MOST_POINTS = 200
PANEL_SIGNALS = ("d_loss", "d_loss_heldout", "g_loss")


def rounded(value: Any) -> float | None:
    """Five significant digits; None where there is no finite number."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")


def panel_rows(rows: Sequence[Row]) -> list[Row]:
    """At most 60 trials with points: the best 30, and an even sample of the rest in rank order."""
    with_points = [row for row in rows if row.record.points]
    if len(with_points) <= MOST_TRIALS:
        return with_points
    top, rest = with_points[: MOST_TRIALS // 2], with_points[MOST_TRIALS // 2 :]
    room = MOST_TRIALS - len(top)
    canonical = [row for row in rest if row.record.origin == "canonical"][:1]
    sample = [rest[round(index * (len(rest) - 1) / (room - 1))] for index in range(room)]
    if canonical and canonical[0] not in sample:
        sample[0] = canonical[0]
    return top + sample


def trial_series(row: Row, metric: str) -> dict[str, Any]:
    """kimg and the panel's signals; a signal that was never measured is left out."""
    points = thinned(row.record.points)
    series: dict[str, Any] = {}
    for name in (*PANEL_SIGNALS, metric):
        measured = [(rounded(point.get("kimg")), rounded(point[name])) for point in points if name in point]
        if any(value is not None for _, value in measured):
            series[name] = [[at for at, _ in measured], [value for _, value in measured]]
    return series


def thinned(points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """At most 200 points, evenly chosen, the last kept."""
    if len(points) <= MOST_POINTS:
        return list(points)
    return [points[round(index * (len(points) - 1) / (MOST_POINTS - 1))] for index in range(MOST_POINTS)]


def shown_at_first(rows: Sequence[Row]) -> list[str]:
    """The best three, the canonical setting, and one trial for each of three early-stop reasons."""
    chosen = [row for row in rows if row.value is not None][:3]
    chosen += [row for row in rows if row.record.origin == "canonical"][:1]
    for reason in ("d_won", "mode_collapse", "diverged", "d_dead", "hopeless", "equilibrium", "plateau", "asha", "median"):
        if len(chosen) >= 6:
            break
        chosen += [row for row in rows if row.record.reason == reason and row not in chosen][:1]
    return list(dict.fromkeys(row.id for row in chosen))


def curves_panel(sweep: Sweep, line: Any) -> dict[str, Any]:
    """All that the selectable d_loss / g_loss / objective panels of a sweep need."""
    rows = panel_rows(sweep.rows)
    entries: list[dict[str, Any]] = [
        {
            "id": row.id,
            "text": _hover(row, sweep),
            "reason": str(row.record.reason or row.record.state),
            "canonical": row.record.origin == "canonical",
            "family": sweep.record.family_of(row.record) if sweep.is_zoo else "",
            "series": trial_series(row, sweep.metric),
        }
        for row in rows
    ]
    has = {name for entry in entries for name in entry["series"]}
    return {
        "trials": entries,
        "shown": shown_at_first(rows),
        "metric": sweep.metric,
        "label": sweep.label,
        "line": None if line.value is None else {"value": line.value, "label": line.label},
        "has": sorted(has),
        "unit": "nats" if line.label == "ln 2" else "",
        "of": sum(bool(row.record.points) for row in sweep.rows),
    }


def _hover(row: Row, sweep: Sweep) -> str:
    value = "no value" if row.value is None else f"{sweep.label} {row.value:.4g}"
    family = f" · {sweep.record.family_of(row.record)}" if sweep.is_zoo else ""
    return f"{row.id}{family} · {value} · {row.record.reason or row.record.state}"

"""Several sweeps side by side, ranked only where their values were measured with the same settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from gantune.report.compute import Progress, spent
from gantune.report.figures import best_so_far
from gantune.report.finals import CANONICAL, Final
from gantune.report.numbers import duration, mean_std, number
from gantune.report.provenance import differing
from gantune.report.rows import NO_VALUE, NOT_RESCORED, Sweep
from gantune.report.section import Shelf
from gantune.report.tables import group_title
from gantune.tracking.settings_key import measured_with, settings_key

Measured = tuple[str, str, str]  # data, metric, settings: what must agree for a ranking


def comparison(sweeps: Sequence[Sweep], finals: Sequence[Sequence[Final]]) -> list[dict[str, Any]]:
    """One table for each way of measuring, with a sentence that says what it is and why it stands apart."""
    groups: dict[Measured, list[tuple[Sweep, Sequence[Final]]]] = defaultdict(list)
    for sweep, final in zip(sweeps, finals, strict=True):
        groups[_measured(sweep)].append((sweep, final))
    apart = _apart([members[0][0] for members in groups.values()])
    return [_table(members, len(groups), apart) for members in groups.values()]


def overlays(sweeps: Sequence[Sweep], tracks: Sequence[Progress], shelf: Shelf) -> list[dict[str, Any]]:
    """Best-so-far curves of the sweeps that were measured alike while training."""
    groups: dict[tuple[str, str, str], list[tuple[Sweep, Progress]]] = defaultdict(list)
    for sweep, track in zip(sweeps, tracks, strict=True):
        if track.best:
            settings = sorted((sweep.spec.get("metrics") or {}).items())
            groups[str(sweep.spec.get("data")), sweep.metric, repr(settings)].append((sweep, track))
    found = []
    for members in groups.values():
        names = ", ".join(sweep.name for sweep, _ in members)
        figures = [
            shelf.put(best_so_far([sweep for sweep, _ in members], [track for _, track in members], axis)) for axis in ("seconds", "kimg")
        ]
        sentence = f"{members[0][0].label} as measured while training, on {members[0][0].spec.get('data')}: {names}."
        found.append({"figures": figures, "sentence": sentence})
    return found


def _measured(sweep: Sweep) -> Measured:
    """Between sweeps everything counts; what one of them searches is a setting to the others."""
    best = sweep.best
    group = NO_VALUE if best is None else best.group if best.rescored is None else settings_key(measured_with(best.record.score))
    return str(sweep.spec.get("data")), sweep.metric, group


def _table(members: Sequence[tuple[Sweep, Sequence[Final]]], tables: int, apart: list[str]) -> dict[str, Any]:
    first = members[0][0]
    group = _measured(first)[2]
    sign = 1 if first.mode == "min" else -1
    order = sorted(members, key=lambda one: sign * one[0].best.value if one[0].best and one[0].best.value is not None else 0)
    rows = [_row(sweep, finals, index + 1 if group != NO_VALUE else None) for index, (sweep, finals) in enumerate(order)]
    title = group_title(first, first.best.group if first.best else NO_VALUE)
    sentence = f"On {first.spec.get('data')}, {title}."
    if group == NOT_RESCORED:
        sentence += " These are optimistic, and ranked only among themselves."
    if tables > 1:
        why = f" They differ in: {', '.join(apart)}." if apart else ""
        sentence += f" Sweeps measured with other settings stand in a table of their own and are not ranked against these.{why}"
    return {"sentence": sentence, "label": first.label, "rows": rows}


def _row(sweep: Sweep, finals: Sequence[Final], rank: int | None) -> dict[str, Any]:
    cost, best = spent(sweep), sweep.best
    finalist = next((final.summary for final in finals if final.who != CANONICAL and final.summary), None)
    canonical = next((final.summary for final in finals if final.who == CANONICAL and final.summary), None)
    value = best.value if best else None
    return {
        "rank": rank,
        "sweep": sweep.name,
        "trial": best.id if best else "–",
        "value": number(value, 4),
        "sort": "" if value is None else repr(value),
        "finalist": mean_std(finalist.mean, finalist.std) if finalist else "–",
        "canonical": mean_std(canonical.mean, canonical.std) if canonical else "–",
        "trials": cost.trials,
        "early": cost.stopped_early,
        "seconds": cost.seconds,
        "time": duration(cost.seconds),
        "kimg": number(cost.kimg),
        "kimg_raw": cost.kimg,
    }


def _apart(firsts: Sequence[Sweep]) -> list[str]:
    settings = {}
    for sweep in firsts:
        if sweep.best and sweep.best.rescored is not None:
            settings[sweep.name] = {**measured_with(sweep.best.record.score), "data": sweep.spec.get("data")}
    return differing(settings) if len(settings) > 1 else []

"""The pictures of a sweep's section: sample grids of its trials and of its finalists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gantune.report import words
from gantune.report.by_family import by_family
from gantune.report.finals import CANONICAL, Final
from gantune.report.grids import first_and_last
from gantune.report.numbers import mean_std, number
from gantune.report.rows import Sweep

PICTURED = 4  # trials with sample grids, and finalists beside the canonical setting
PICTURED_SEEDS = 5  # of a finalist


def trial_grids(sweep: Sweep) -> list[dict[str, Any]]:
    """Grids of the best trials, then of the canonical one; of several families the best of each."""
    best = [row.id for row in sweep.rows if row.value is not None][:PICTURED]
    canonical = [row.id for row in sweep.rows if row.record.origin == "canonical"]
    each = [one.best.id for one in by_family(sweep) if one.best]
    chosen = list(dict.fromkeys(each or [*best, *canonical]))
    by_id = {row.id: row for row in sweep.rows}
    found = []
    for trial in chosen:
        row = by_id[trial]
        kind = "rescored" if row.rescored is not None else "best"
        pictures = [
            {"uri": picture.uri, "width": picture.width, "height": picture.height, "kimg": f"{picture.kimg:g}"}
            for picture in first_and_last(sweep.record.folder / "trials" / trial)
        ]
        found.append(
            {
                "name": f"trial {trial}"
                + (f", {sweep.record.family_of(row.record)}" if sweep.is_zoo else "")
                + (" (canonical setting)" if row.record.origin == "canonical" else ""),
                "result": (f": {kind} {sweep.label} {number(row.value)}" if row.value is not None else "")
                + (f", {short}" if (short := words.cut_short(row, sweep)) else ""),
                "pictures": pictures,
            }
        )
    return found


def finals_grids(sweep: Sweep, finals: Sequence[Final]) -> list[dict[str, Any]]:
    """For each contender its seeds side by side, each with the picture of its run's best checkpoint."""
    found = []
    shown = [final for final in finals if final.who != CANONICAL][:PICTURED]
    for final in [final for final in finals if final in shown or final.who == CANONICAL]:
        pictures = []
        for seed in sorted((*final.values, *final.failed))[:PICTURED_SEEDS]:
            value = final.values.get(seed)
            result = f"no finite {sweep.label}" if value is None else f"{sweep.label} {number(value)}"
            for picture in first_and_last(sweep.record.folder / "finalists" / f"{final.name}-s{seed}")[-1:]:
                about = {"uri": picture.uri, "width": picture.width, "height": picture.height, "kimg": f"{picture.kimg:g}"}
                pictures.append(about | {"seed": seed, "result": result})
        if pictures:
            spread = mean_std(final.summary.mean, final.summary.std) if final.summary else "–"
            found.append({"title": f"{final.title[0].upper()}{final.title[1:]}", "spread": spread, "pictures": pictures})
    return found

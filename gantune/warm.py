"""What a new sweep can learn from earlier ones before its first trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gantune.errors import UserError
from gantune.spec import SweepSpec
from gantune.tracking.record import SweepRecord


def earlier_trials(folders: Sequence[Path], spec: SweepSpec) -> tuple[list[dict[str, Any]], list[str]]:
    """Ended trials of other sweeps that are points of this sweep's space, as JSON, best value first known; and notes on how many.

    `UserError` for a sweep of another family or objective: its values would teach something else.
    """
    known: list[dict[str, Any]] = []
    notes: list[str] = []
    for folder in folders:
        record = SweepRecord.load(folder)
        _check_comparable(record, spec)
        ended = [trial for trial in record.trials if trial.state in ("complete", "pruned")]
        fitting = [trial for trial in ended if spec.space.fits(trial.params)]
        metric = spec.objective.metric
        for trial in fitting:
            values = [[point["kimg"], point[metric]] for point in trial.points if math.isfinite(point.get(metric, math.nan))]
            known.append(
                {"params": dict(trial.params), "state": trial.state, "value": trial.fid, "intermediate": values, "reason": trial.reason}
            )
        note = f"warm start: {len(fitting)} of {len(ended)} ended trials of {record.name} are points of this space"
        notes.append(
            note if record.spec["data"] == spec.data else f"{note}; they were trained on {record.spec['data']}, not on {spec.data}"
        )
    return known, notes


def _check_comparable(record: SweepRecord, spec: SweepSpec) -> None:
    if record.spec["family"] != spec.family:
        raise UserError(f"--warm-start {record.name}: that is a sweep of family {record.spec['family']}, this one is of {spec.family}.")
    wanted = (spec.objective.metric, spec.objective.mode)
    if record.objective != wanted:
        raise UserError(
            f"--warm-start {record.name}: its objective is {record.objective[1]} {record.objective[0]}, not {wanted[1]} {wanted[0]}."
        )

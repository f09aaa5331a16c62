"""What a new sweep can learn from earlier ones before its first trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gantune.errors import UserError
from gantune.space import SearchSpace
from gantune.space.domain import frozen
from gantune.space.zoo import FAMILY
from gantune.spec import SweepSpec
from gantune.tracking.record import SweepRecord, TrialRecord


def earlier_trials(folders: Sequence[Path], spec: SweepSpec) -> tuple[list[dict[str, Any]], list[str]]:
    """Ended trials of other sweeps that are points of this sweep's space, as JSON, best value first known; and notes on how many.

    `UserError` for a sweep of another family or objective, or measured otherwise: its values would teach something else.
    """
    known: list[dict[str, Any]] = []
    notes: list[str] = []
    for folder in folders:
        record = SweepRecord.load(folder)
        _check_comparable(record, spec)
        ended = [trial for trial in record.trials if trial.state in ("complete", "pruned")]
        points = [(trial, _params_here(record, trial, spec)) for trial in ended]
        fitting = [(trial, params) for trial, params in points if params is not None and spec.space.fits(params)]
        metric = spec.objective.metric
        for trial, params in fitting:
            until = trial.takeovers[0]["kimg"] if trial.takeovers else math.inf  # what follows is due to other values
            own = [point for point in trial.points if point["kimg"] <= until + 1e-9]
            values = [[point["kimg"], point[metric]] for point in own if math.isfinite(point.get(metric, math.nan))]
            best = (min if spec.objective.mode == "min" else max)((value for _, value in values), default=None)
            known.append({"params": params, "state": trial.state, "value": best, "intermediate": values, "reason": trial.reason})
        note = f"warm start: {len(fitting)} of {len(ended)} ended trials of {record.name} are points of this space"
        if record.spec["data"] != spec.data:
            note += f"; they were trained on {record.spec['data']}, not on {spec.data}"
        fixed = _differing(record.spec["fixed"], spec.fixed)
        if fixed is not None:
            note += f"; fixed there: {fixed[0]}, here: {fixed[1]}"
        notes.append(note)
    return known, notes


def _params_here(record: SweepRecord, trial: TrialRecord, spec: SweepSpec) -> dict[str, Any] | None:
    """The trial's parameters as this sweep searches them, with the family or without; None when it has no such family."""
    ref = record.ref_of(trial)
    here = [family for family in spec.families if _same_family(ref, family)]
    params = {name: value for name, value in trial.params.items() if name != FAMILY or len(record.families) == 1}
    if not here or isinstance(spec.space, SearchSpace):
        return params if here else None
    return {FAMILY: next(name for name, member in spec.space.members.items() if member.family == here[0]), **params}


def _check_comparable(record: SweepRecord, spec: SweepSpec) -> None:
    where = f"--warm-start {record.name}: "
    if not any(_same_family(there, here) for there in record.refs for here in spec.families):
        changed = " Their code differs." if any(":" in ref for ref in spec.families) else ""
        raise UserError(f"{where}that is a sweep of family {', '.join(record.refs)}, this one is of {', '.join(spec.families)}.{changed}")
    wanted = (spec.objective.metric, spec.objective.mode)
    if record.objective != wanted:
        raise UserError(f"{where}its objective is {record.objective[1]} {record.objective[0]}, not {wanted[1]} {wanted[0]}.")
    metrics = _differing(record.spec["metrics"], spec.metrics)
    if metrics is not None:
        raise UserError(f"{where}its values were measured with {metrics[0]}, this sweep's with {metrics[1]}. Give both the same metrics.")


def _same_family(one: str, other: str) -> bool:
    """Whether two references name the same code: a user's own was copied into its sweep."""
    if one == other:
        return True
    (path, _, name), (other_path, _, other_name) = one.rpartition(":"), other.rpartition(":")
    files = [Path(path), Path(other_path)]
    return name == other_name and all(file.is_file() for file in files) and files[0].read_bytes() == files[1].read_bytes()


def _differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> tuple[str, str] | None:
    """The entries in which two mappings differ, as text, those of each; None when there are none."""
    names = sorted(name for name in {*there, *here} if name not in there or name not in here or frozen(there[name]) != frozen(here[name]))

    def told(values: Mapping[str, Any]) -> str:
        return ", ".join(f"{name} {values.get(name, 'not set')}" for name in names)

    return (told(there), told(here)) if names else None

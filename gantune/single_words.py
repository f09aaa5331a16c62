"""What a single run is about to do, in words."""

from __future__ import annotations

import math
from typing import Any

from gantune.config import declared_params
from gantune.trial import Trial

DEVICES = {"cuda": "on a GPU", "cpu": "on the CPU"}


def describe(trial: Trial) -> list[str]:
    """What is about to be trained, in a few lines: the settings are those that the family's authors give or that are not the default."""
    plan, family = trial.plan, trial.config.family
    declared = declared_params(family)
    told = {name: value for name, value in trial.config.flat().items() if name in family.canonical or value != declared[name].default}
    for segment in plan.changes:
        for name, value in segment.values.items():
            told[name] = (*_steps(told.get(name, trial.config.flat()[name])), (segment.kimg, value))
    reached = trial.trainer.kimg
    first = min(plan.kimg, (math.floor(reached / plan.report_every + 1e-9) + 1) * plan.report_every)
    left, unit = plan.kimg - reached, "queries" if family.needs == "queries" else "images"
    about, warning = trial.evaluator.provenance, trial.trainer.conditions.warning
    measured = (
        f"{about['n_queries']} held-out queries"
        if family.needs == "queries"
        else f"{about['n_fake']:,} samples against {about['n_real']:,} training examples, features {about['extractor']}"
    )
    return [
        f"Training {family.name} ({family.paper}) on {len(trial.dataset.train):,} examples of {plan.data}, {DEVICES[trial.device.type]}",
        f"Settings: {' '.join(map('='.join, zip(told, map(_in_flags, told.values()), strict=True)))}; all others are the defaults",
        f"Budget: {left:g} kimg ({1000 * left:,.0f} {unit}), the first report at {first:g} kimg, then every {plan.report_every:g}",
        f"Measured: {measured}",
        *([f"Note: {warning}"] if warning else []),
        f"Folder: {plan.folder}",
    ]


def _steps(value: Any) -> tuple[tuple[float, Any], ...]:
    """A schedule as its (kimg, value); of a plain value, one that holds from the start."""
    return tuple((start, then) for start, then in value) if isinstance(value, (list, tuple)) else ((0.0, value),)


def _in_flags(value: Any) -> str:
    """A setting as `--set` takes it."""
    if isinstance(value, (list, tuple)):
        return f"{{{', '.join(f'{start:g}: {_in_flags(then)}' for start, then in _steps(value))}}}"
    return f"{value:g}" if isinstance(value, float) else str(value)

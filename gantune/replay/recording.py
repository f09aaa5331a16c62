"""A trial's curve as it was recorded, with what it needs to be judged again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gantune.config import Config
from gantune.curve import Curve
from gantune.errors import UserError
from gantune.families import open_family
from gantune.families.base import Equilibrium
from gantune.signals import Point
from gantune.tracking.record import SweepRecord


@dataclass(frozen=True)
class Recording:
    """One trial. `clock` (T,) holds the device seconds, training and measuring, after each of its `points`."""

    id: str
    points: tuple[Point, ...]
    clock: tuple[float, ...]
    equilibrium: Equilibrium | None
    objective: str
    mode: str
    budget_kimg: float
    group: str = ""  # what it was trained for, where a file says so
    params: Mapping[str, Any] = field(default_factory=dict)  # what was searched

    @property
    def is_censored(self) -> bool:
        """Whether it was cut short: nobody knows what it would have come to."""
        return self.points[-1]["kimg"] < self.budget_kimg - 1e-9

    def until(self, count: int) -> Curve:
        """The curve as it stood after `count` reports."""
        return Curve.of(
            self.points[:count],
            equilibrium=self.equilibrium,
            objective=self.objective,
            mode=self.mode,
            budget_kimg=self.budget_kimg,
        )

    def best(self, count: int) -> float | None:
        """The best objective of the first `count` reports; None before the first finite value."""
        known = [value for point in self.points[:count] if math.isfinite(value := point.get(self.objective, math.nan))]
        return (min if self.mode == "min" else max)(known, default=None)

    def rated_by(self, signal: str | None, count: int) -> float | None:
        """What a scheduler compares it by after `count` reports: the best objective, or the highest value of a signal."""
        if signal is None:
            return self.best(count)
        return max((value for point in self.points[:count] if math.isfinite(value := point.get(signal, math.nan))), default=None)

    @property
    def best_kimg(self) -> float | None:
        """Where the whole curve has its best objective for the first time."""
        best = self.best(len(self.points))
        return next((point["kimg"] for point in self.points if best is not None and point.get(self.objective) == best), None)


def recordings(folder: Path) -> list[Recording]:
    """The trials of the sweep in `folder` that reported, in the order in which they began.

    `UserError` when it is no sweep, is damaged, or has no reports.
    """
    record = SweepRecord.load(folder)
    metric, mode = record.objective
    found = []
    for trial in record.trials:
        if not trial.points:
            continue
        family = open_family(record.ref_of(trial))
        equilibrium = family.equilibrium(Config.of(family, record.spec["data"], trial.values).hparams)
        measuring = itertools.accumulate(point.get("eval_seconds", 0.0) for point in trial.points)
        clock = tuple(point.get("seconds", 0.0) + spent for point, spent in zip(trial.points, measuring, strict=True))
        budget = float(record.spec["budget"]["kimg"])
        found.append(Recording(trial.id, tuple(trial.points), clock, equilibrium, metric, mode, budget, params=trial.params))
    if not found:
        raise UserError(f"sweep {folder.name} has no reports that could be replayed.")
    return found

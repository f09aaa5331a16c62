"""Trials and finalist runs as the report counts them: one value each, with the settings it was measured with."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantune.report.provenance import measured_with, settings_key

if TYPE_CHECKING:
    from gantune.tracking.record import SweepRecord, TrialRecord

RAN_TO_END = ("budget",)
STOPPED_EARLY = ("equilibrium", "plateau", "d_won", "d_dead", "mode_collapse", "diverged", "asha")  # compute saved on purpose
NOT_RESCORED = "not rescored"
NO_VALUE = "no value"
LABELS = {"fid": "FID", "kid": "KID", "c2st_loss": "C2ST loss", "hq_share": "high-quality share"}


@dataclass(frozen=True)
class Row:
    """One trial. `best` is the best value measured while training, `rescored` the best checkpoint's on fresh samples."""

    sweep: str
    record: TrialRecord
    best: float | None
    rescored: float | None
    settings: str  # key of the rescored value's settings
    rank: int | None = None  # within its settings; None without a value

    @property
    def id(self) -> str:
        """The trial's id within its sweep."""
        return self.record.id

    @property
    def value(self) -> float | None:
        """What the trial is ranked by."""
        return self.best if self.rescored is None else self.rescored

    @property
    def group(self) -> str:
        """Trials of one group may be ranked together."""
        if self.rescored is not None:
            return self.settings
        return NO_VALUE if self.best is None else NOT_RESCORED

    @property
    def metrics(self) -> dict[str, float]:
        """The rescored metrics, or nothing."""
        return dict((self.record.score or {}).get("metrics", {}))


@dataclass(frozen=True)
class Sweep:
    """A sweep's record with what the page derives from it."""

    record: SweepRecord
    rows: tuple[Row, ...]  # ranked: by settings group, then by value
    metric: str = "fid"
    mode: str = "min"
    spec: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, record: SweepRecord) -> Sweep:
        """Rank the trials of `record`, never across different settings."""
        spec = record.spec
        objective = spec.get("objective") or {}
        metric, mode = objective.get("metric", "fid"), objective.get("mode", "min")
        searched = {name for trial in record.trials for name in trial.params}
        rows = [_row(record.name, trial, metric, mode, searched) for trial in record.trials]
        return cls(record, tuple(_ranked(rows, mode)), metric, mode, spec)

    @property
    def name(self) -> str:
        """Such as dcgan-1."""
        return self.record.name

    @property
    def label(self) -> str:
        """The objective as people write it."""
        return LABELS.get(self.metric, self.metric.replace("_", " "))

    @cached_property
    def searched(self) -> list[str]:
        """Names of the searched parameters, the two rates' ratio and k first."""
        names = {name for row in self.rows for name in row.record.params}
        first = [name for name in ("lr_ratio", "k", "lr_g") if name in names]
        return first + sorted(names - set(first))

    @cached_property
    def groups(self) -> dict[str, list[Row]]:
        """Rows by settings group: rescored ones first, the largest group leading."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            found[row.group].append(row)
        return dict(found)

    @property
    def best(self) -> Row | None:
        """The first of the leading group, when it has a value."""
        return next((row for row in self.rows if row.rank == 1), None)

    @property
    def kimg_budget(self) -> float | None:
        """kimg that a trial may use."""
        return (self.spec.get("budget") or {}).get("kimg")

    def better(self, a: float, b: float) -> bool:
        """Whether `a` beats `b`."""
        return a < b if self.mode == "min" else a > b


def finite(values: Iterable[Any]) -> list[float]:
    """The finite numbers among `values`, as floats."""
    return [float(value) for value in values if isinstance(value, (int, float)) and math.isfinite(value)]


def running_best(points: Sequence[Mapping[str, float]], metric: str, mode: str) -> list[float | None]:
    """The best value so far at each point; None before the first measurement."""
    best: float | None = None
    reached = []
    for point in points:
        value = point.get(metric)
        if value is not None and math.isfinite(value) and (best is None or (value < best if mode == "min" else value > best)):
            best = value
        reached.append(best)
    return reached


def _row(sweep: str, trial: TrialRecord, metric: str, mode: str, searched: set[str]) -> Row:
    reached = running_best(trial.points, metric, mode)
    best = reached[-1] if reached else None
    score = trial.score or {}
    rescored = next(iter(finite([score.get("metrics", {}).get(metric)])), None)
    return Row(sweep, trial, best, rescored, settings_key(measured_with(score), searched) if rescored is not None else "")


def _ranked(rows: list[Row], mode: str) -> Iterable[Row]:
    sizes: dict[str, int] = defaultdict(int)
    for row in rows:
        sizes[row.group] += 1
    last = {NO_VALUE: 2, NOT_RESCORED: 1}
    sign = 1 if mode == "min" else -1
    order = sorted(rows, key=lambda r: (last.get(r.group, 0), -sizes[r.group], r.group, sign * (r.value or 0), r.record.number))
    rank: dict[str, int] = defaultdict(int)
    for row in order:
        rank[row.group] += 1
        yield row if row.value is None else replace(row, rank=rank[row.group])

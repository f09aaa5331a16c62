"""Trials and finalist runs as the report counts them: one value each, with the settings it was measured with."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantune.stopping.verdict import COMPLETE, PRUNED, Reason

if TYPE_CHECKING:
    from gantune.tracking.record import SweepRecord, TrialRecord

STOPPED_EARLY = (COMPLETE | PRUNED) - {Reason.BUDGET}  # compute saved on purpose
NOT_RESCORED = "not rescored"
NO_VALUE = "no value"
LABELS = {"fid": "FID", "kid": "KID", "c2st_loss": "C2ST loss", "hq_share": "high-quality share"}
LABELS |= {"precision_at_5": "precision@5", "ndcg_at_5": "NDCG@5"}


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
        settings = record.settings()
        rows = [_row(record.name, trial, metric, mode, settings.get(trial.id, "")) for trial in record.ranked()]
        return cls(record, tuple(_numbered(rows)), metric, mode, spec)

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
        """Names of the searched parameters, the family, the two rates' ratio and k first."""
        names = {name for row in self.rows for name in row.record.params}
        first = [name for name in ("family", "lr_ratio", "k", "lr_g") if name in names]
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
    def canonical(self) -> Row | None:
        """The trial of the canonical setting that the best is compared with; among several families that of the best trial's family."""
        canonical = self.record.canonical
        return next((row for row in self.rows if canonical is not None and row.id == canonical.id), None)

    @property
    def is_zoo(self) -> bool:
        """Whether it searches several families."""
        return len(self.record.families) > 1

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


def _row(sweep: str, trial: TrialRecord, metric: str, mode: str, settings: str) -> Row:
    reached = running_best(trial.points, metric, mode)
    best = reached[-1] if reached else None
    return Row(sweep, trial, best, trial.scored, settings)


def _numbered(rows: Iterable[Row]) -> Iterator[Row]:
    """Ranks within the groups of `rows`, which come in the record's order."""
    rank: dict[str, int] = defaultdict(int)
    for row in rows:
        rank[row.group] += 1
        yield row if row.value is None else replace(row, rank=rank[row.group])

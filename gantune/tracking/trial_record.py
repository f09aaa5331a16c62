"""One trial, and one run of a finalist, as the spool tells them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LOST = ("worker", "node", "preempted", "memory")  # losses of a worker that are the machine's; see gantune.runtime.failures


def device_seconds(points: Iterable[Mapping[str, float]]) -> float:
    """Seconds for which a run with these reports has kept its device: training, and measuring each of them."""
    points = list(points)
    known = [seconds for point in points if math.isfinite(seconds := point.get("seconds", 0.0))]
    return max(known, default=0.0) + sum(point.get("eval_seconds", 0.0) for point in points)


@dataclass
class TrialRecord:
    """One trial. `fid` is the objective's best value while training, whatever the objective; None where there is none.

    `state` is `running`; `interrupted` when it has no end and nobody runs its sweep (a resume goes on with it); or how it ended:
    `complete`, `pruned`, `failed`, `stopped`.
    """

    id: str
    number: int
    params: dict[str, Any]
    values: dict[str, Any]
    origin: str
    note: str | None
    objective: str
    mode: str
    state: str = "running"
    reason: str | None = None
    evidence: str | None = None
    points: list[dict[str, float]] = field(default_factory=list)  # one a kimg, in order
    kimg: float = 0.0
    seconds: float = 0.0  # of its device: training and measuring
    lost: int = 0  # times that it lost its worker and went on
    takeovers: list[dict[str, Any]] = field(default_factory=list)  # in a population: kimg, donor, params and values from there on
    let_go: list[str] = field(default_factory=list)  # its files that are gone, for the sweep to stay within its share of the disk
    score: dict[str, Any] | None = None  # {seed, n, metrics, provenance, floor}: the best checkpoint on fresh samples

    @property
    def best_point(self) -> dict[str, float] | None:
        """The report with the best objective."""
        known = [point for point in self.points if math.isfinite(point.get(self.objective, math.nan))]
        return (min if self.mode == "min" else max)(known, key=lambda point: point[self.objective], default=None)

    @property
    def fid(self) -> float | None:
        """The best objective so far."""
        point = self.best_point
        return None if point is None else point[self.objective]

    @property
    def best_kimg(self) -> float | None:
        """Where that was."""
        point = self.best_point
        return None if point is None else point["kimg"]

    @property
    def scored(self) -> float | None:
        """The objective on fresh samples."""
        value = (self.score or {}).get("metrics", {}).get(self.objective, math.nan)
        return value if math.isfinite(value) else None

    @property
    def value(self) -> float | None:
        """What the trial is ranked by: the fresh score where there is one."""
        return self.fid if self.scored is None else self.scored

    @property
    def metrics(self) -> dict[str, float]:
        """The fresh score's metrics, or the best report's signals."""
        return dict((self.score or {}).get("metrics", {}) or self.best_point or {})


@dataclass(frozen=True)
class FinalRecord:
    """One run of a finalist, or of the canonical setting, with a fresh seed."""

    who: str  # "canonical" or a trial's id
    seed: int
    kimg: float
    seconds: float  # of its device: training and measuring
    metrics: dict[str, float]
    provenance: dict[str, Any]
    floor: dict[str, float]
    error: str | None = None  # why it has no metrics

    @property
    def id(self) -> str:
        """The name of its folder."""
        return f"{self.who}-s{self.seed}"

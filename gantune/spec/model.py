"""SweepSpec: a sweep as it will run. Frozen at its start, kept in its record, and all that a resume reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gantune.config import Config
from gantune.families import open_family
from gantune.space import Space, space_from_json
from gantune.space.domain import frozen

Mode = Literal["min", "max"]
SchedulerKind = Literal["asha", "median", "pbt", "none"]


@dataclass(frozen=True)
class Objective:
    """What is optimised: a measure of quality from gantune.signals."""

    metric: str = "fid"
    mode: Mode = "min"


@dataclass(frozen=True)
class Budget:
    """How much is trained. `kimg` and `report_every` are per trial, in thousands of images; the hours end the search early."""

    trials: int
    kimg: float
    report_every: float
    hours: float | None = None  # of the clock
    gpu_hours: float | None = None


@dataclass(frozen=True)
class Sampler:
    """Who proposes configurations."""

    name: str = "tpe"
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scheduler:
    """Who stops the trials that others leave behind, or (pbt) lets them take over. `grace` is the share of the budget that each trial
    gets before, `interval` the share between two comparisons of a population."""

    kind: SchedulerKind = "asha"
    grace: float = 0.2
    reduction: int = 3
    compare: str = "objective"  # what trials are compared by, or c2st_loss
    interval: float = 0.2
    quantile: float = 0.25
    resample: float = 0.25

    @property
    def options(self) -> dict[str, Any]:
        """What this kind of scheduler can be told, with its values."""
        known = {"asha": ("grace", "reduction", "compare"), "median": ("grace",), "pbt": ("interval", "quantile", "resample"), "none": ()}
        return {name: getattr(self, name) for name in known[self.kind]}


@dataclass(frozen=True)
class Finalists:
    """The best `top` and the canonical setting, trained again with `seeds` fresh seeds, to `kimg` (None: the search's budget)."""

    top: int = 2
    seeds: int = 3
    kimg: float | None = None


@dataclass(frozen=True)
class Resources:
    """What one trial occupies."""

    cpu: int = 1
    gpu: float | Literal["auto"] = 0.0

    def share(self, gpus: float, probed: float | None = None) -> float:
        """Of a GPU for a trial, where there are so many; `auto` is what a memory probe has chosen, a whole one before, 0 without GPUs."""
        if self.gpu != "auto":
            return self.gpu
        return (probed or 1.0) if gpus >= 1 else 0.0


@dataclass(frozen=True)
class Score:
    """How many fresh samples a trial's best checkpoint is measured on before it is ranked."""

    n: int = 4000


@dataclass(frozen=True)
class Storage:
    """How many GB (10^9 bytes) the sweep's checkpoints may take; None: as many as there are."""

    checkpoints_gb: float | None = None


@dataclass(frozen=True)
class SweepSpec:
    """A whole sweep. `to_json` and `from_json` are exact inverses."""

    name: str
    source: str  # the file it was read from
    family: str | tuple[str, ...]  # one, or several among which the search chooses
    data: str
    space: Space
    fixed: Mapping[str, Any]
    objective: Objective
    budget: Budget
    sampler: Sampler
    scheduler: Scheduler
    stopping: tuple[str | Mapping[str, Any], ...]
    stopping_from_user: bool
    finalists: Finalists
    resources: Resources
    metrics: Mapping[str, Any]  # fields of gantune.metrics.MetricSettings
    score: Score
    seed: int
    on_gpu_applied: bool = False
    notes: tuple[str, ...] = ()  # what the user should know
    storage: Storage = Storage()

    @property
    def families(self) -> tuple[str, ...]:
        """The families, however many."""
        return (self.family,) if isinstance(self.family, str) else self.family

    def config(self, params: Mapping[str, Any]) -> Config:
        """The run at a point of the space. `UserError` where values do not go together."""
        values = {"seed": self.seed} | self.space.resolve(params)
        return Config.of(open_family(self.space.family_of(params)), self.data, values)

    def to_json(self) -> dict[str, Any]:
        """As a dict that JSON can hold."""
        content = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        parts = {key: dataclasses.asdict(content[key]) for key in PARTS}
        lists = {"stopping": list(self.stopping), "notes": list(self.notes)}
        lists |= {} if isinstance(self.family, str) else {"family": list(self.family)}
        mappings = {"fixed": dict(self.fixed), "metrics": dict(self.metrics)}
        return content | parts | lists | mappings | {"space": self.space.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SweepSpec:
        """Back from `to_json`. No file is read again, but for a family of the user's own."""
        content = {"storage": {}, **content}  # which sweeps of earlier versions do not have
        parts: dict[str, Any] = {key: part(**content[key]) for key, part in PARTS.items()}
        parts["space"] = space_from_json(content["space"])
        parts["family"] = frozen(content["family"])
        parts["fixed"] = {name: frozen(value) for name, value in content["fixed"].items()}
        parts["stopping"], parts["notes"] = tuple(content["stopping"]), tuple(content["notes"])
        return cls(**{**content, **parts})


PARTS: dict[str, type] = {
    "objective": Objective,
    "budget": Budget,
    "sampler": Sampler,
    "scheduler": Scheduler,
    "finalists": Finalists,
    "resources": Resources,
    "score": Score,
    "storage": Storage,
}

"""Population based training (Jaderberg et al. 2017, arXiv:1711.09846): trials that lag behind go on from a leader's checkpoint.

Compared are values at the same kimg, with all trials that were there before, so that a population larger than the workers needs no
pausing: those that come later have more to learn from. All randomness is drawn from the trial and the kimg, so that a replay of the spool
decides the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gantune.config import declared_params
from gantune.families import open_family
from gantune.runtime.ledger import Entry
from gantune.segments import changeable
from gantune.training.seeds import derive

FACTORS = (0.8, 1.25)
Setting = tuple[Mapping[str, Any], Mapping[str, Any]]  # searched values, complete values


@dataclass(frozen=True)
class Takeover:
    """From `kimg` on the trial is what `donor` was at its report at `donor_kimg`, with other `params`."""

    donor: str
    donor_kimg: float
    kimg: float
    params: dict[str, Any]
    evidence: str


class Population:
    """Told of every report in the order of the spool; says where a trial shall take over."""

    def __init__(self, space: Any, *, mode: str, kimg: float, report_every: float, scheduler: Any, seed: int) -> None:
        self._space, self._seed = space, seed
        self._family = open_family(space.family)
        self._sign = 1.0 if mode == "min" else -1.0
        self._quantile, self._resample = scheduler.quantile, scheduler.resample
        self.boundaries = boundaries(kimg, report_every, scheduler.interval)
        self._at: dict[float, dict[str, tuple[float, float]]] = {boundary: {} for boundary in self.boundaries}

    def report(self, entry: Entry, kimg: float, value: float | None, setting_of: Callable[[str, float], Setting]) -> Takeover | None:
        """The takeover that a trial's report at `kimg` leads to. `setting_of(trial, kimg)` are a trial's searched and its complete values
        before `kimg`. The canonical setting stays what it is, for all is compared with it."""
        due = [boundary for boundary in self.boundaries if boundary <= kimg + 1e-9 and entry.id not in self._at[boundary]]
        for boundary in due[:-1]:  # reports further apart than the boundaries
            self._at[boundary][entry.id] = (math.inf, kimg)
        if not due:
            return None
        boundary, badness = due[-1], math.inf if value is None else self._sign * value
        held = self._at[boundary]
        held[entry.id] = (badness, kimg)
        ranked = sorted(held, key=lambda id: held[id][0])
        share = int(self._quantile * len(ranked))
        better = [id for id in ranked[:share] if held[id][0] < badness]
        if entry.id not in ranked[len(ranked) - share :] or not better or entry.origin == "canonical":
            return None
        source = random.Random(derive(self._seed, "pbt", entry.id, round(1000 * boundary)))
        donor = source.choice(better)
        worst = "no value" if badness == math.inf else f"{self._sign * badness:.4g}"
        evidence = f"{worst} at {kimg:g} kimg, among the worst {share} of {len(ranked)}; {donor} had {self._sign * held[donor][0]:.4g}"
        return Takeover(donor, held[donor][1], boundary, self._explored(*setting_of(donor, boundary), source), evidence)

    def _explored(self, params: Mapping[str, Any], values: Mapping[str, Any], source: random.Random) -> dict[str, Any]:
        """`params` with those that can change on the way moved a little, or now and then drawn anew. What the networks are made of stays
        as the complete `values` have it."""
        declared = declared_params(self._family).keys()
        can_change = changeable(self._family)
        if can_change.issuperset(self._space.derived.keys() & declared):  # then so are the names that only feed them
            can_change |= params.keys() - declared

        def choose(name: str, domain: Any) -> Any:
            if name not in can_change:
                return domain.nearest(params.get(name, values.get(name)))
            if name not in params:
                return domain.at(source.random())
            if source.random() < self._resample:
                return domain.at(source.random())
            at = params[name]
            if domain.kind == "choice" or domain.whole:
                values_of = domain.values()
                return values_of[min(max(values_of.index(at) + source.choice((-1, 1)), 0), len(values_of) - 1)]
            return domain.nearest(at * source.choice(FACTORS))

        explored: dict[str, Any] = self._space.sample(choose)[0]
        return explored


def open_population(spec: Any) -> Population | None:
    """The population of a sweep whose scheduler is pbt."""
    if spec.scheduler.kind != "pbt":
        return None
    return Population(
        spec.space,
        mode=spec.objective.mode,
        kimg=spec.budget.kimg,
        report_every=spec.budget.report_every,
        scheduler=spec.scheduler,
        seed=spec.seed,
    )


def boundaries(kimg: float, report_every: float, interval: float) -> list[float]:
    """The kimg at which a population is compared: every `interval` of the budget, at a report, the budget's end left out."""
    every = max(1, round(interval * kimg / report_every)) * report_every
    return [round(number * every, 6) for number in range(1, math.ceil(kimg / every - 1e-9))]

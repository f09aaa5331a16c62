"""Schedulers as pure decisions over running bests: successive halving, the median rule, none.

A pruner is told each report and each end in the order of the spool, so that telling it a spool again rebuilds it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule

from gantune.runtime.ledger import STATES

WORST = 1e30  # finite, so that it can be ranked and averaged; stands for "no value" and for trials that a rule stopped
STOP = "STOP"


class Pruner(Protocol):
    """Decides, report by report, whether a trial is worth going on with."""

    reason: str  # of the trials that it stops
    signal: str | None  # what it compares trials by, more being better; None: the objective

    def report(self, trial: str, kimg: float, best: float | None) -> str | None:
        """The evidence for stopping `trial` now, or None to go on. `best` is the running best of what is compared (see `signal`),
        None before the first value."""

    def end(self, trial: str, reason: str, kimg: float, best: float | None) -> None:
        """`trial` has ended; it still counts in the comparisons that it would have reached."""


class NoPruning:
    """Every trial runs until a rule or its budget ends it (in a population, too)."""

    reason = "asha"
    signal: str | None = None

    def report(self, trial: str, kimg: float, best: float | None) -> str | None:
        return None

    def end(self, trial: str, reason: str, kimg: float, best: float | None) -> None:
        return None


class Asha(AsyncHyperBandScheduler):  # type: ignore[misc]
    """Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934) in kimg, one bracket, over running bests.

    A trial that a rule stopped as hopeless counts as worst at the rungs it never reached, so that survivors are not compared with
    survivors only. One that settled (equilibrium, plateau) counts there with the best value it had, one that the user or a
    failure ended does not count.

    With `signal` it compares trials by that, of which more is better, whatever the objective. While GANs have not begun to draw, FID
    orders noise; the two-sample test's loss tells who is about to (`python benchmarks/early_stopping.py dcgan`).
    """

    reason = "asha"

    def __init__(self, *, mode: str, kimg: float, grace: float, reduction: float, signal: str | None = None) -> None:
        mode = mode if signal is None else "max"
        super().__init__("kimg", "best", mode, max_t=kimg, grace_period=grace, reduction_factor=reduction, stop_last_trials=False)
        self._sign = -1.0 if mode == "min" else 1.0  # Ray's rungs hold rewards: higher is better
        self.signal = signal

    @property
    def rungs(self) -> dict[float, dict[str, float]]:
        """Rewards by kimg of the rung and trial."""
        return dict(self._brackets[0]._rungs)

    def report(self, trial: str, kimg: float, best: float | None) -> str | None:
        reward = self._reward(best)
        rung = max((at for at, held in self.rungs.items() if at <= kimg and trial not in held), default=None)
        before = {} if rung is None else dict(self.rungs[rung])
        if self._brackets[0].on_result(SimpleNamespace(trial_id=trial), kimg, reward) != STOP:
            return None
        cutoff = self._brackets[0].cutoff(before) * self._sign
        bar = f"{cutoff:.4g}" if abs(cutoff) < WORST / 10 else "any value"
        mine = "no value" if best is None else f"{best:.4g}"
        mine = mine if self.signal is None else f"{self.signal} {mine} (higher is better)"
        others = f"{len(before)} earlier trial{'s' if len(before) > 1 else ''}"
        return f"{mine} at {kimg:g} kimg, where one in {self._reduction_factor:g} goes on; {others} set the bar at {bar}"

    def end(self, trial: str, reason: str, kimg: float, best: float | None) -> None:
        if reason == self.reason or STATES[reason] in ("failed", "stopped"):
            return
        reward = -WORST if STATES[reason] == "pruned" else self._reward(best)
        for at, held in self.rungs.items():
            if at > kimg:
                held.setdefault(trial, reward)

    def _reward(self, best: float | None) -> float:
        return -WORST if best is None else self._sign * best


@dataclass(frozen=True)
class _Handle:
    """What Ray's rule knows of a trial: something to tell it by."""

    trial_id: str


class Median(MedianStoppingRule):  # type: ignore[misc]
    """The median rule (Golovin et al. 2017): stop when the running best is worse than the median of the others' running means.

    Speaks from `grace` on and with three other trials that far. Hopeless trials count on as worst, settled ones with their best.
    """

    reason = "median"
    signal: str | None = None

    def __init__(self, *, mode: str, kimg: float, grace: float) -> None:
        super().__init__("kimg", "best", mode, grace_period=grace, min_samples_required=3, min_time_slice=math.inf)
        self._no_value = WORST if mode == "min" else -WORST
        self._end = kimg

    def report(self, trial: str, kimg: float, best: float | None) -> str | None:
        handle = _Handle(trial)
        if handle in self._stopped_trials:  # it had trained on before it heard so
            return None
        if self.on_trial_result(None, handle, self._result(kimg, best)) != STOP:
            return None
        return f"{'no value' if best is None else f'{best:.4g}'} at {kimg:g} kimg is worse than the median of the other trials' means"

    def end(self, trial: str, reason: str, kimg: float, best: float | None) -> None:
        if reason == self.reason or STATES[reason] in ("failed", "stopped") or kimg >= self._end:
            return
        last = None if STATES[reason] == "pruned" else best
        # The sharp rise lies just after its last report, so that what it was compared with up to there stays as it was.
        for at in (math.nextafter(kimg, math.inf), self._end):
            self._results[_Handle(trial)].append(self._result(at, last))

    def _result(self, kimg: float, best: float | None) -> dict[str, Any]:
        return {"kimg": kimg, "best": self._no_value if best is None else best}


def open_pruner(scheduler: Any, *, mode: str, kimg: float, report_every: float) -> Pruner:
    """The pruner of a sweep's `scheduler` (kind, grace as a share of the budget, reduction, compare)."""
    if scheduler.kind in ("none", "pbt"):
        return NoPruning()
    reports = max(1, math.ceil(scheduler.grace * kimg / report_every - 1e-9))
    grace = min(kimg, reports * report_every)
    if scheduler.kind == "median":
        return Median(mode=mode, kimg=kimg, grace=grace)
    assert scheduler.kind == "asha", scheduler.kind
    signal = None if scheduler.compare == "objective" else scheduler.compare
    return Asha(mode=mode, kimg=kimg, grace=grace, reduction=scheduler.reduction, signal=signal)

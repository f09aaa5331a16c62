"""Search: asks Optuna for configurations, and tells it how they did.

The search runs on a study in memory. A suggestion is a function of (seed, its number, the history), so that a resumed search goes on
as an uninterrupted one would. Only CMA-ES, whose evolution is not in the history, starts a new generation from what it finds there.
Where other sweeps' trials are learnt from, what is drawn at random depends on them, too: drawn from the seed alone it would be what the
earlier sweep of that seed has drawn and tried already.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from gantune.errors import UserError
from gantune.search.journal import Journal
from gantune.search.quiet import quiet
from gantune.search.samplers import distribution, optuna_sampler, sobol_point
from gantune.space import Domain, Space
from gantune.space.domain import frozen
from gantune.space.samplers import check_serves, grid, sampler_options
from gantune.spec.model import Sampler
from gantune.stopping.verdict import COMPLETE, FAILED, PRUNED

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL, "running": TrialState.RUNNING}
TPE = Sampler()
Point = frozenset[tuple[str, Any]]  # a configuration as something that a set can hold
PER_KIMG = 1000  # Optuna's steps are whole numbers, so they count images


@dataclass(frozen=True)
class Asked:
    """A configuration to try: the searched `params`, from which a run's values are still to be derived and checked."""

    number: int
    params: dict[str, Any]
    note: str | None = None


@dataclass(frozen=True)
class Past:
    """A trial of an earlier driver of this sweep, or, with `number` None, of another sweep."""

    number: int | None
    params: Mapping[str, Any]
    state: str  # complete, pruned, failed or running
    value: float | None = None  # best objective
    intermediate: Mapping[float, float] = field(default_factory=dict)  # objective by kimg
    reason: str | None = None

    @classmethod
    def elsewhere(cls, trial: Mapping[str, Any]) -> Past:
        """A trial of another sweep, from what gantune.warm keeps of it."""
        return cls(None, trial["params"], trial["state"], trial["value"], dict(trial["intermediate"]), trial["reason"])


class Search:
    """The search of one sweep.

    `history` holds this sweep's earlier trials, which keep their numbers (running ones may still be reported and told), and other
    sweeps' trials to learn from; of the latter, those that are no points of this space are left out and counted in `left_out`.
    `storage` is a journal file for optuna-dashboard; it is made anew from `history`, so that a torn one does no harm.
    `seed` is the sampler's own unless given. Raises `UserError` when the sampler cannot serve the space.
    """

    def __init__(
        self,
        space: Space,
        sampler: Sampler = TPE,
        *,
        seed: int | None = None,
        storage: Path | None = None,
        history: Sequence[Past] = (),
        name: str = "sweep",
        mode: str = "min",
    ) -> None:
        self.space = space
        self.left_out = 0
        self._sampler, self._options = sampler.name, sampler_options(sampler.name, sampler.options, "sampler: ")
        others = [past for past in history if past.number is None]
        self._seeds = [sampler.seed if seed is None else seed, *([_digest(others)] if others else [])]
        check_serves(sampler.name, space, "sampler: ")
        self._sign = 1 if mode == "min" else -1
        self._queue: list[tuple[dict[str, Any], str | None]] = []
        self._there: dict[int, int] = {}  # number in the sweep -> number in the study, where other sweeps' trials come first
        self._best: dict[int, float] = {}
        self._points = grid(space) if sampler.name == "grid" else None
        self._tried: set[Point] = set()
        self._storage = InMemoryStorage()
        with quiet():
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                direction="minimize" if mode == "min" else "maximize",
                sampler=RandomSampler(self._seeds[0]),
            )
            self._study.set_user_attr("gantune_sweep", name)
            self._remember(history)
            self._learnt = [trial for trial in self._study.trials if trial.state == TrialState.COMPLETE]
            self._journal = None if storage is None else Journal(storage, self._study)

    @property
    def asked(self) -> int:
        """How many configurations have been given out, those of the history included."""
        return max(self._there, default=-1) + 1

    def enqueue(self, params: Mapping[str, Any], note: str | None = None) -> None:
        """Have `params` asked next, after what is queued already. `UserError` when they are no point of the space."""
        if not self.space.fits(params):
            raise UserError(f"{self.space.source}: {dict(params)} is no point of the space.")
        self._queue.append(({name: frozen(value) for name, value in params.items()}, note))

    def ask(self) -> Asked | None:
        """The next configuration, or None when a grid is exhausted."""
        number = self.asked
        given, note = self._queue.pop(0) if self._queue else (None, None)
        if given is None and self._points is not None:
            given = next((point for point in self._points if _point(point) not in self._tried), None)
            if given is None:
                return None
        elif given is None and self._sampler == "qmc":
            given = sobol_point(self.space, self._seeds, number)
        with quiet():
            params = self._suggest(number, given, note)
        self._tried.add(_point(params))
        if self._journal is not None:
            self._journal.started(self._trial(number))
        return Asked(number, params, note)

    def report(self, number: int, kimg: float, value: float | None) -> None:
        """An objective value at `kimg`. Optuna gets the best so far, and nothing while there is no finite value."""
        trial = self._trial(number)
        if trial.state != TrialState.RUNNING:
            return
        best = self._better(self._best.get(number), value)
        if best is None:
            return
        self._best[number] = best
        step = round(kimg * PER_KIMG)
        self._storage.set_trial_intermediate_value(trial._trial_id, step, best)
        if self._journal is not None:
            self._journal.reported(trial.number, step, best)

    def tell(self, number: int, reason: str, value: float | None = None) -> str:
        """Close a trial for `reason`; gives its state from then on: complete, pruned or failed.

        `value` is its best objective. A trial that ran to its end without any finite value is pruned, so that the sampler learns
        to avoid it. Telling again changes nothing.
        """
        trial = self._trial(number)
        if trial.state == TrialState.RUNNING:
            best = self._better(self._best.get(number), value)
            state = _state_of(reason, best)
            with quiet():
                self._storage.set_trial_user_attr(trial._trial_id, "reason", reason)
                self._study.tell(trial.number, best if state == TrialState.COMPLETE else None, state)
            trial = self._trial(number)
            if self._journal is not None:
                self._journal.ended(trial)
        return next(name for name, state in STATES.items() if state == trial.state)

    def _suggest(self, number: int, given: dict[str, Any] | None, note: str | None) -> dict[str, Any]:
        """A new trial of the study, with the parameters in `given` or the sampler's."""
        if given is not None:
            _, domains = self.space.sample(lambda name, domain: given[name])
            self._study.enqueue_trial({name: domains[name].label(value) for name, value in given.items()})
        self._study.sampler = optuna_sampler(
            "random" if given is not None else self._sampler,
            self._options,
            conditional=self.space.conditional,
            seeds=self._seeds,
            number=number,
            learnt=self._learnt,
        )
        trial = self._study.ask()
        self._there[number] = trial.number
        try:
            params, _ = self.space.sample(lambda name, domain: _ask(trial, name, domain))
        except ValueError as error:  # Optuna refuses choices that differ from those of an earlier trial
            raise UserError(f"{self.space.source}: {error}") from error
        trial.set_user_attr("gantune_trial", f"{number:04d}")
        if note:
            trial.set_user_attr("note", note)
        return params

    def _remember(self, history: Sequence[Past]) -> None:
        """Put the history into the study: other sweeps' trials first, then this sweep's by number, gaps filled with failed ones."""
        for past in history:
            if past.number is None:
                if past.state not in ("complete", "pruned") or not self.space.fits(past.params):
                    self.left_out += 1
                    continue
                self._study.add_trial(self._as_trial(past))
        own = {past.number: past for past in history if past.number is not None}
        for number in range(max(own, default=-1) + 1):
            past = own.get(number, Past(number, {}, "failed", reason="error"))
            trial = self._as_trial(past)
            self._there[number] = len(self._study.get_trials(deepcopy=False))
            self._study.add_trial(trial)
            if past.state == "running" and trial.intermediate_values:
                self._best[number] = trial.intermediate_values[max(trial.intermediate_values)]
            if number in own:
                self._tried.add(_point(past.params))

    def _as_trial(self, past: Past) -> FrozenTrial:
        params = {name: frozen(value) for name, value in past.params.items()}
        domains: dict[str, Domain] = {}
        if params and self.space.fits(params):
            params, domains = self.space.sample(lambda name, domain: params[name])
        values: dict[int, float] = {}
        best: float | None = None
        for kimg in sorted(past.intermediate):
            best = self._better(best, past.intermediate[kimg])
            if best is not None:
                values[round(kimg * PER_KIMG)] = best
        best = self._better(best, past.value)
        state = STATES[past.state]
        if state == TrialState.COMPLETE and best is None:
            state = TrialState.PRUNED
        if state != TrialState.FAIL and domains.keys() != params.keys():
            raise UserError(f"trial {past.number} has {dict(past.params)}, which is no point of {self.space.source}.")
        about = {"gantune_trial": "other" if past.number is None else f"{past.number:04d}"}
        pruned_at = values[max(values)] if state == TrialState.PRUNED and values else None
        return optuna.trial.create_trial(
            state=state,
            value=best if state == TrialState.COMPLETE else pruned_at,
            params={name: domain.label(params[name]) for name, domain in domains.items()},
            distributions={name: distribution(domain) for name, domain in domains.items()},
            user_attrs=about if past.reason is None else about | {"reason": past.reason},
            intermediate_values=values,
        )

    def _better(self, best: float | None, value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return best
        return float(value) if best is None or self._sign * value < self._sign * best else best

    def _trial(self, number: int) -> FrozenTrial:
        if number not in self._there:
            raise KeyError(f"trial {number} was never asked; {self.asked} were")
        return self._study.get_trials(deepcopy=False)[self._there[number]]


def _point(params: Mapping[str, Any]) -> Point:
    return frozenset((name, frozen(value)) for name, value in params.items())


def _digest(trials: Iterable[Past]) -> int:
    """A number for what these trials tried, the same in every process."""
    tried = [sorted((name, repr(frozen(value))) for name, value in trial.params.items()) for trial in trials]
    return int.from_bytes(hashlib.sha256(repr(tried).encode()).digest()[:8])


def _state_of(reason: str, best: float | None) -> TrialState:
    assert reason in COMPLETE | PRUNED | FAILED, f"unknown reason {reason!r}"
    if reason in FAILED:
        return TrialState.FAIL
    return TrialState.COMPLETE if reason in COMPLETE and best is not None else TrialState.PRUNED


def _ask(trial: optuna.Trial, name: str, domain: Domain) -> Any:
    if domain.kind == "choice":
        return domain.of_label(trial.suggest_categorical(name, [domain.label(choice) for choice in domain.choices]))
    if domain.whole:
        return trial.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
    return trial.suggest_float(name, domain.low, domain.high, log=domain.log)

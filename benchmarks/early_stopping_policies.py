"""What `early_stopping.py` tunes and judges: policies, resampled sweeps, and what each makes of them."""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from gantune.curve import Curve
from gantune.params import param
from gantune.replay import About, Ended, Policy, Recording, Verdicts, outcome, simulate
from gantune.replay.outcome import good_trials
from gantune.spec import load_sweep
from gantune.spec.model import Scheduler
from gantune.stopping import Reason, Rule, Verdict

WORKERS = 2
BY_TEST = "ASHA by c2st_loss"
RESAMPLES = 10  # sweeps a half, on which a policy is tuned, or judged
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25)  # of the full compute, at which ASHA alone and ASHA with rules are compared
NONE = Scheduler("none")


@dataclass(frozen=True)
class NearLn2(Rule):
    """What is told of GANs: stop when D's loss on its training batches lies near ln 2, for that is convergence."""

    tolerance: float = param(0.05, "share of the scale", low=0)
    reason: ClassVar[Reason] = Reason.EQUILIBRIUM
    needs_scale: ClassVar[bool] = True

    def __call__(self, curve: Curve) -> Verdict:
        assert curve.equilibrium is not None
        assert curve.equilibrium.scale is not None
        gap = abs(curve.get("d_loss")[-1] - curve.equilibrium.value) / curve.equilibrium.scale
        if gap <= self.tolerance:
            return Verdict.halt(self.reason, f"d_loss {gap:.2g} of the scale from {curve.equilibrium.value:.3g}")
        return Verdict.CONTINUE


@dataclass(frozen=True)
class Tried:
    """A policy with what its rules say of every recorded trial."""

    name: str
    policy: Policy
    verdicts: Verdicts


def naive() -> Tried:
    """What is told of GANs, as a policy."""
    return Tried("", Policy("naive", NONE, ()), Verdicts(["diverged", NearLn2()]))


def rule_sets(about: About, names: Sequence[Any]) -> list[list[Any]]:
    """Patience of the rules that the family's sweep names, as shares of the budget, and what counts as a slow start."""
    budget = about.budget_kimg
    named = [(rule, None) if isinstance(rule, str) else next(iter(rule.items())) for rule in names]
    found: list[list[Any]] = []
    for won, patience, take_off, slow in itertools.product((0.15, 0.2, 0.3), (0.25, 0.35), (0.1, 0.3), (0.7, 1.0)):
        plateau = {"patience_kimg": patience * budget, "take_off": take_off, "slow_start_kimg": slow * budget}
        options = {"plateau": plateau, "d_won": {"patience_kimg": won * budget}}
        chosen = [{rule: (given or {}) | options[rule]} if rule in options else {rule: given} if given else rule for rule, given in named]
        if chosen not in found:
            found.append(chosen)
    return found


def schedulers(compare: str = "objective") -> list[Scheduler]:
    """ASHA at several paces."""
    return [
        Scheduler("asha", grace=grace, reduction=reduction, compare=compare) for grace in (0.05, 0.1, 0.2, 0.34) for reduction in (2, 3, 4)
    ]


def seed_noise(recorded: Sequence[Recording]) -> float:
    """Pooled std over seeds of the best value, of the better half of the settings that were trained with several."""
    by_setting: dict[str, list[float]] = {}
    for one in recorded:
        best = one.best(len(one.points))
        if one.group == "seeds" and best is not None:
            setting = json.dumps({name: value for name, value in one.params.items() if name != "seed"}, sort_keys=True)
            by_setting.setdefault(setting, []).append(best)
    sign = 1 if recorded[0].mode == "min" else -1
    ranked = sorted((values for values in by_setting.values() if len(values) > 1), key=lambda values: sign * statistics.fmean(values))
    better = ranked[: max(1, (len(ranked) + 1) // 2)]
    return math.sqrt(statistics.fmean(statistics.variance(values) for values in better))


def resampled(trials: Sequence[Recording], source: random.Random) -> list[Recording]:
    """Three quarters of the trials, drawn without replacement, in random order. (Copies of one trial would tie with each other at every
    rung, and ASHA lets ties pass.)"""
    return source.sample(list(trials), round(0.75 * len(trials)))


@dataclass(frozen=True)
class Figures:
    """Of one resampled sweep under one policy."""

    share: float
    regret: float
    missed: int
    good: int
    missed_third: int  # of the best third
    by: dict[float, float]  # regret when so large a share of the full compute was spent, or the sweep was over


def judged(tried: Tried, sweep: Sequence[Recording], about: About) -> Figures:
    """What the policy makes of it."""
    ended = simulate(sweep, tried.policy, workers=WORKERS, report_every=about.report_every, verdicts=tried.verdicts)
    found = outcome(ended)
    full = sum(recording.clock[-1] for recording in sweep)
    by = {share: regret_by(ended, sweep, share * full / WORKERS) for share in SHARES}
    third = {recording.id for recording, _ in good_trials(sweep, 1 / 3)}
    cut = [one for one in ended if one.recording.id in third and one.kimg < (one.recording.best_kimg or 0.0)]
    return Figures(found.share, found.regret, len(found.missed), found.good, len(cut), by)


def regret_by(ended: Sequence[Ended], sweep: Sequence[Recording], now: float) -> float:
    """How much worse than the best of all is the best that was reported within `now` simulated seconds (all workers busy, or the sweep is
    over). Before the first report the worst trial stands for it."""
    sign = 1 if sweep[0].mode == "min" else -1
    seen = [
        sign * value
        for one in ended
        if (count := sum(one.at - one.seconds + at <= now for at in one.recording.clock[: one.reports]))
        and (value := one.recording.best(count)) is not None
    ]
    worst = max(sign * value for one in sweep if (value := one.best(len(one.points))) is not None)
    return min(seen, default=worst) - best_of(sweep)


def best_of(sweep: Sequence[Recording]) -> float:
    """The best value of all, as a number of which less is better."""
    sign = 1 if sweep[0].mode == "min" else -1
    return min(sign * value for one in sweep if (value := one.best(len(one.points))) is not None)


class Half:
    """Part of the trials as a number of resampled sweeps, and what each policy makes of them."""

    def __init__(self, trials: Sequence[Recording], about: About, source: random.Random) -> None:
        self._sweeps = [resampled(trials, source) for _ in range(RESAMPLES)]
        self._about = about
        self._known: dict[int, list[Figures]] = {}

    def figures(self, tried: Tried) -> list[Figures]:
        """Of every sweep."""
        if id(tried) not in self._known:
            self._known[id(tried)] = [judged(tried, sweep, self._about) for sweep in self._sweeps]
        return self._known[id(tried)]

    def share(self, tried: Tried) -> float:
        """Mean share of the full compute."""
        return statistics.fmean(one.share for one in self.figures(tried))

    def cheapest(self, candidates: Sequence[Tried], noise: float, *, careful: bool = False) -> Tried:
        """Of those whose mean regret stays within the noise of a seed; `careful`: first of those that miss the least."""

        def cost(tried: Tried) -> tuple[float, int, float]:
            figures = self.figures(tried)
            missed = sum(one.missed_third for one in figures) if careful else 0
            return max(0.0, statistics.fmean(one.regret for one in figures) - noise), missed, self.share(tried)

        return min(candidates, key=cost)

    def best_by(self, candidates: Sequence[Tried], share: float) -> Tried:
        """The least mean regret when so much of the full compute was spent; of equals the cheaper."""
        return min(candidates, key=lambda tried: (statistics.fmean(one.by[share] for one in self.figures(tried)), self.share(tried)))


def crossfitted(about: About, trials: Sequence[Recording], names: Sequence[Any], noise: float, splits: int) -> dict[str, Any]:
    """For each kind of policy its figures on the halves that it was not tuned on, and what was chosen how often; at equal compute the
    figures of ASHA by the objective and by c2st_loss, each alone and with the tuned rules, on the same sweeps."""
    rules = [Tried(json.dumps(rules), Policy("rules", NONE, tuple(rules)), Verdicts(rules)) for rules in rule_sets(about, names)]
    halving = {
        name: [Tried(f"grace {one.grace:g}, reduction {one.reduction:g}", Policy("asha", one, ()), Verdicts(())) for one in schedulers(by)]
        for name, by in (("ASHA", "objective"), (BY_TEST, "c2st_loss"))
    }
    median = [Tried(f"grace {g:g}", Policy("median", Scheduler("median", grace=g), ()), Verdicts(())) for g in (0.1, 0.2, 0.34)]
    shipped, plain = Verdicts(names), load_sweep(about.family).scheduler
    fixed = {
        "nothing": Tried("", Policy("nothing", NONE, ()), Verdicts(())),
        "near ln 2, as naively read": naive(),
        "shipped rules": Tried("", Policy("rules", NONE, tuple(names)), shipped),
        "shipped ASHA": Tried("", Policy("asha", plain, ()), Verdicts(())),
        "shipped ASHA with shipped rules": Tried("", Policy("both", plain, tuple(names)), shipped),
    }
    if trials[0].equilibrium is None or trials[0].equilibrium.scale is None:
        del fixed["near ln 2, as naively read"]
    paired = {(name, id(one)): [together(tried, one) for tried in tries] for name, tries in halving.items() for one in rules}
    results: dict[str, list[Figures]] = {}
    chosen: dict[str, dict[str, int]] = {}
    equal: dict[float, list[dict[str, Figures]]] = {share: [] for share in SHARES}
    source = random.Random(0)
    for split in range(splits):
        mixed = source.sample(list(trials), len(trials))
        halves = [Half(part, about, source) for part in (mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :])]
        for here, there in (halves, halves[::-1]):
            best_rules = here.cheapest(rules, noise, careful=True)
            contenders = {f"{name}{more}": tries for name in halving for more, tries in
                          (("", halving[name]), (" with rules", paired[name, id(best_rules)]))}  # fmt: skip
            fitted = {"median, tuned": here.cheapest(median, noise), "rules, tuned": best_rules}
            fitted |= {f"{name}, tuned": here.cheapest(tries, noise) for name, tries in contenders.items()}
            for name, tried in {**fixed, **fitted}.items():
                results.setdefault(name, []).extend(there.figures(tried))
                if tried.name:
                    counts = chosen.setdefault(name, {})
                    counts[tried.name] = counts.get(tried.name, 0) + 1
            for share, sweeps in equal.items():
                figures = {name: there.figures(here.best_by(tries, share)) for name, tries in contenders.items()}
                sweeps.extend(dict(zip(figures, some, strict=True)) for some in zip(*figures.values(), strict=True))
        print(f"split {split + 1} of {splits}", flush=True)
    return {"results": results, "chosen": chosen, "equal": equal}


def together(scheduler: Tried, rules: Tried) -> Tried:
    """Both together."""
    return Tried(scheduler.name, Policy("both", scheduler.policy.scheduler, rules.policy.stopping), rules.verdicts)

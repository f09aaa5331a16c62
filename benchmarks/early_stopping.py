"""Which schedulers and stop rules pay: tuned on one half of recorded trials, reported on the other half.

    python benchmarks/early_stopping.py dcgan                    # benchmarks/recorded/dcgan.parquet, 40 splits: some ten minutes on a core
    python benchmarks/early_stopping.py dcgan --splits 10 --out /tmp

Every split halves the trials at random. On one half each kind of policy is tuned: the least compute whose regret, as a median over
resampled sweeps, stays within the noise of a seed, and that ends no good trial (of the best tenth) before its best checkpoint. On the
other half it is judged on resampled sweeps in random order; then the halves change places. Given are medians and 95 % intervals over
splits, resamples and orders together. `share` is device seconds over those of full training; `regret` how much worse the best value
found is. The noise of a seed is the pooled std of the best value over the seeds of one setting, of the better half of the settings.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from scipy.stats import binomtest

from gantune.curve import Curve
from gantune.params import param
from gantune.replay import About, Policy, Recording, Verdicts, outcome, read_table, simulate
from gantune.replay.outcome import good_trials
from gantune.spec import load_sweep
from gantune.spec.model import Scheduler
from gantune.stopping import Reason, Rule, Verdict

RECORDED = Path(__file__).parent / "recorded"
WORKERS = 2
RESAMPLES = 3  # sweeps a half on which a policy is tuned, and as many on which it is judged
NONE = Scheduler("none")


@dataclass(frozen=True)
class NearLn2(Rule):
    """What is told of GANs: stop when D's loss on its training batches lies near ln 2, for that is convergence."""

    tolerance: float = param(0.02, "nats", low=0)
    share: float = param(0.1, "of the budget for which it must", low=0)
    reason: ClassVar[Reason] = Reason.EQUILIBRIUM
    needs_scale: ClassVar[bool] = True

    def __call__(self, curve: Curve) -> Verdict:
        assert curve.equilibrium is not None
        gap = abs(curve.get("d_loss") - curve.equilibrium.value)
        if curve.held(gap <= self.tolerance, gap, self.share * curve.budget_kimg):
            return Verdict.halt(self.reason, f"d_loss within {self.tolerance:g} of {curve.equilibrium.value:.3g}")
        return Verdict.CONTINUE


@dataclass(frozen=True)
class Tried:
    """A policy with what its rules say of every recorded trial."""

    name: str
    policy: Policy
    verdicts: Verdicts


def rule_sets(about: About, names: Sequence[str]) -> list[list[Any]]:
    """Patience and grace of the rules that the family's sweep names, around the shipped shares of the budget."""
    budget = about.budget_kimg
    found = []
    for patience, grace, won, dead in itertools.product((0.15, 0.25, 0.35), (0.25, 0.4), (0.15, 0.3), (0.1, 0.2)):
        options = {
            "plateau": {"patience_kimg": patience * budget, "grace_kimg": grace * budget},
            "d_won": {"patience_kimg": won * budget},
            "d_dead": {"patience_kimg": dead * budget},
        }
        chosen = [{name: options[name]} if name in options else name for name in names]
        if chosen not in found:
            found.append(chosen)
    return found


def schedulers() -> list[Scheduler]:
    """ASHA at several paces."""
    return [Scheduler("asha", grace=grace, reduction=reduction) for grace in (0.1, 0.2, 0.34) for reduction in (2, 3, 4)]


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
    """As many trials drawn with replacement, in random order, each under a name of its own."""
    return [dataclasses.replace(source.choice(trials), copy=number) for number in range(len(trials))]


@dataclass(frozen=True)
class Figures:
    """Of one resampled sweep under one policy."""

    share: float
    regret: float
    missed: int
    good: int


def judged(tried: Tried, sweep: Sequence[Recording], about: About) -> Figures:
    """What the policy makes of it."""
    ended = simulate(sweep, tried.policy, workers=WORKERS, report_every=about.report_every, verdicts=tried.verdicts)
    found = outcome(ended)
    return Figures(found.share, found.regret, len(found.missed), found.good)


def tuned(candidates: Sequence[Tried], half: Sequence[Recording], about: About, noise: float, source: random.Random) -> Tried:
    """The cheapest whose regret stays within the noise of a seed and that misses least."""
    sweeps = [resampled(half, source) for _ in range(RESAMPLES)]

    def cost(tried: Tried) -> tuple[bool, int, float]:
        figures = [judged(tried, sweep, about) for sweep in sweeps]
        return statistics.median(one.regret for one in figures) > noise, sum(one.missed for one in figures), statistics.fmean(
            one.share for one in figures
        )  # fmt: skip

    return min(candidates, key=cost)


def crossfitted(about: About, trials: Sequence[Recording], names: Sequence[str], noise: float, splits: int) -> dict[str, Any]:
    """For each kind of policy its figures on the halves that it was not tuned on, and what was chosen how often."""
    rules = [Tried(json.dumps(rules), Policy("rules", NONE, tuple(rules)), Verdicts(rules)) for rules in rule_sets(about, names)]
    asha = [Tried(f"grace {one.grace:g}, reduction {one.reduction}", Policy("asha", one, ()), Verdicts(())) for one in schedulers()]
    median = [Tried(f"grace {g:g}", Policy("median", Scheduler("median", grace=g), ()), Verdicts(())) for g in (0.2, 0.34)]
    shipped, plain = Verdicts(names), Scheduler("asha")
    fixed = {
        "nothing": Tried("", Policy("nothing", NONE, ()), Verdicts(())),
        "near ln 2, as naively read": Tried("", Policy("naive", NONE, ()), Verdicts(["diverged", NearLn2()])),
        "shipped rules": Tried("", Policy("rules", NONE, tuple(names)), shipped),
        "shipped ASHA": Tried("", Policy("asha", plain, ()), Verdicts(())),
        "shipped ASHA with shipped rules": Tried("", Policy("both", plain, tuple(names)), shipped),
    }
    if trials[0].equilibrium is None or trials[0].equilibrium.scale is None:
        del fixed["near ln 2, as naively read"]
    results: dict[str, list[Figures]] = {}
    chosen: dict[str, dict[str, int]] = {}
    source = random.Random(0)
    for split in range(splits):
        mixed = source.sample(list(trials), len(trials))
        halves = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
        for here, there in (halves, halves[::-1]):
            best_rules = tuned(rules, here, about, noise, source)
            stopping, verdicts = best_rules.policy.stopping, best_rules.verdicts
            both = [Tried(one.name, Policy("both", one.policy.scheduler, stopping), verdicts) for one in asha]
            fitted = {
                "median, tuned": tuned(median, here, about, noise, source),
                "rules, tuned": best_rules,
                "ASHA, tuned": tuned(asha, here, about, noise, source),
                "ASHA with rules, tuned": tuned(both, here, about, noise, source),
            }
            sweeps = [resampled(there, source) for _ in range(RESAMPLES)]
            for name, tried in {**fixed, **fitted}.items():
                results.setdefault(name, []).extend(judged(tried, sweep, about) for sweep in sweeps)
                if tried.name:
                    counts = chosen.setdefault(name, {})
                    counts[tried.name] = counts.get(tried.name, 0) + 1
        print(f"split {split + 1} of {splits}", flush=True)
    return {"results": results, "chosen": chosen}


def interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Median, and the bounds of the central 95 %."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[int(0.025 * len(ordered))], ordered[min(len(ordered) - 1, int(0.975 * len(ordered)))]


def missed_by(names: Sequence[Any], about: About, trials: Sequence[Recording]) -> tuple[int, int, list[str]]:
    """Of the best tenth of all trials, how many the rules alone end before their best checkpoint, of how many, and which."""
    ended = simulate(trials, Policy("rules", NONE, tuple(names)), workers=WORKERS, report_every=about.report_every)
    found = outcome(ended)
    told = [
        f"{one.id}: {about.objective} {one.full:.3g} at {one.best_kimg:g} kimg, ended at {one.ended_kimg:g} by {one.reason}"
        for one in found.missed
    ]
    return len(found.missed), len(good_trials(trials)), told


def main() -> None:
    """Tune, judge, print the table and keep all numbers."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("name", help="of a file in benchmarks/recorded")
    flags.add_argument("--splits", type=int, default=40)
    flags.add_argument("--file", type=Path, help="another recording")
    flags.add_argument("--out", type=Path, default=RECORDED)
    given = flags.parse_args()
    about, recorded = read_table(given.file or RECORDED / f"{given.name}.parquet")
    names = list(load_sweep(about.family).stopping)
    trials = [one for one in recorded if one.group != "seeds"]
    noise = seed_noise(recorded)
    found = crossfitted(about, trials, names, noise, given.splits)
    missed, good, told = missed_by(names, about, trials)
    exact = binomtest(missed, good).proportion_ci(method="exact")
    print(f"\n{about.command}: {len(trials)} trials; noise of a seed: std {noise:.3g} {about.objective}\n")
    print(f"| policy | share of full compute | regret ({about.objective}) | good trials missed |\n|---|---|---|---|")
    rows = {}
    for name, figures in found["results"].items():
        share, regret = (interval(getattr(one, key) for one in figures) for key in ("share", "regret"))
        lost = sum(one.missed for one in figures) / sum(one.good for one in figures)
        rows[name] = {"share": share, "regret": regret, "missed": lost}
        compute = f"{share[0]:.0%} [{share[1]:.0%}, {share[2]:.0%}]"
        print(f"| {name} | {compute} | {regret[0]:.3g} [{regret[1]:.3g}, {regret[2]:.3g}] | {lost:.1%} |")
    print(f"\nshipped rules alone: {missed} of the {good} best trials ended before their best checkpoint, exact 95 % interval "
          f"[{exact.low:.1%}, {exact.high:.1%}]")  # fmt: skip
    print("\n".join(told))
    for name, counts in found["chosen"].items():
        print(f"{name}: " + "; ".join(f"{times} x {what}" for what, times in sorted(counts.items(), key=lambda pair: -pair[1])[:4]))
    kept = {"noise": noise, "policies": rows, "missed": [missed, good, exact.low, exact.high], "chosen": found["chosen"]}
    path = given.out / f"early_stopping_{given.name}.json"
    path.write_text(json.dumps(kept, indent=1))
    print(path)


if __name__ == "__main__":
    main()

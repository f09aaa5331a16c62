"""Which schedulers and stop rules pay: tuned on one half of recorded trials, reported on the other half.

    python benchmarks/early_stopping.py dcgan                    # benchmarks/recorded/dcgan.parquet, 40 splits: some minutes on a core
    python benchmarks/early_stopping.py dcgan --splits 10 --out /tmp

Every split halves the trials at random. On one half each kind of policy is tuned: rules alone must end no good trial (of the best tenth)
before its best checkpoint, as far as that can be had; all must keep the regret, as a median over resampled sweeps, within the noise of a
seed; of those that do, the cheapest is taken. On the other half it is judged on resampled sweeps in random order; then the halves change
places. For the comparison at equal compute ASHA, alone and with the rules, is tuned for the least regret at the moment when a given share
of the full compute is spent. Given are medians and 95 % intervals over splits, halves and resamples together. `share` is device seconds
over those of full training; `regret` how much worse the best value found is. The noise of a seed is the pooled std of the best value over
the seeds of one setting, of the better half of the settings.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.figure import Figure
from scipy.stats import binomtest

from gantune.curve import Curve
from gantune.params import param
from gantune.replay import About, Ended, Policy, Recording, Verdicts, outcome, read_table, simulate
from gantune.replay.outcome import good_trials
from gantune.spec import load_sweep
from gantune.spec.model import Scheduler
from gantune.stopping import Reason, Rule, Verdict

RECORDED = Path(__file__).parent / "recorded"
WORKERS = 2
RESAMPLES = 5  # sweeps a half, on which a policy is tuned, or judged
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25)  # of the full compute, at which ASHA alone and ASHA with rules are compared
NOTHING_YET = 1e3  # regret before the first value
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


def rule_sets(about: About, names: Sequence[Any]) -> list[list[Any]]:
    """Patience and grace of the rules that the family's sweep names, around the shipped shares of the budget."""
    budget = about.budget_kimg
    found = []
    for patience, grace, won, dead in itertools.product((0.25, 0.35, 0.5), (0.25, 0.4), (0.15, 0.3), (0.1, 0.2)):
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
    return [Scheduler("asha", grace=grace, reduction=reduction) for grace in (0.05, 0.1, 0.2, 0.34) for reduction in (2, 3, 4)]


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
    by: dict[float, float]  # regret when so large a share of the full compute was spent, or the sweep was over


def judged(tried: Tried, sweep: Sequence[Recording], about: About) -> Figures:
    """What the policy makes of it."""
    ended = simulate(sweep, tried.policy, workers=WORKERS, report_every=about.report_every, verdicts=tried.verdicts)
    found = outcome(ended)
    full = sum(recording.clock[-1] for recording in sweep)
    by = {share: regret_by(ended, sweep, share * full / WORKERS) for share in SHARES}
    return Figures(found.share, found.regret, len(found.missed), found.good, by)


def regret_by(ended: Sequence[Ended], sweep: Sequence[Recording], now: float) -> float:
    """How much worse than the best of all is the best that was reported within `now` simulated seconds (all workers busy)."""
    sign = 1 if sweep[0].mode == "min" else -1
    best = min(sign * value for one in sweep if (value := one.best(len(one.points))) is not None)
    seen = [
        sign * value
        for one in ended
        if (count := sum(one.at - one.seconds + at <= now for at in one.recording.clock[: one.reports]))
        and (value := one.recording.best(count)) is not None
    ]
    return min(seen) - best if seen else NOTHING_YET


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
        """Of those whose median regret stays within the noise of a seed; `careful`: of those that miss least first."""

        def cost(tried: Tried) -> tuple[bool, int, float]:
            figures = self.figures(tried)
            missed = sum(one.missed for one in figures) if careful else 0
            return statistics.median(one.regret for one in figures) > noise, missed, self.share(tried)

        return min(candidates, key=cost)

    def best_by(self, candidates: Sequence[Tried], share: float) -> Tried:
        """The least mean regret when so much of the full compute was spent; of equals the cheaper."""
        return min(candidates, key=lambda tried: (statistics.fmean(one.by[share] for one in self.figures(tried)), self.share(tried)))


def crossfitted(about: About, trials: Sequence[Recording], names: Sequence[Any], noise: float, splits: int) -> dict[str, Any]:
    """For each kind of policy its figures on the halves that it was not tuned on, and what was chosen how often; at equal compute the
    figures of ASHA alone and of ASHA with rules on the same sweeps."""
    rules = [Tried(json.dumps(rules), Policy("rules", NONE, tuple(rules)), Verdicts(rules)) for rules in rule_sets(about, names)]
    asha = [Tried(f"grace {one.grace:g}, reduction {one.reduction:g}", Policy("asha", one, ()), Verdicts(())) for one in schedulers()]
    median = [Tried(f"grace {g:g}", Policy("median", Scheduler("median", grace=g), ()), Verdicts(())) for g in (0.1, 0.2, 0.34)]
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
    paired = {id(one): [_with(tried, one) for tried in asha] for one in rules}
    results: dict[str, list[Figures]] = {}
    chosen: dict[str, dict[str, int]] = {}
    equal: dict[float, list[tuple[Figures, Figures]]] = {share: [] for share in SHARES}
    source = random.Random(0)
    for split in range(splits):
        mixed = source.sample(list(trials), len(trials))
        halves = [Half(part, about, source) for part in (mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :])]
        for here, there in (halves, halves[::-1]):
            best_rules = here.cheapest(rules, noise, careful=True)
            both = paired[id(best_rules)]
            fitted = {
                "median, tuned": here.cheapest(median, noise),
                "rules, tuned": best_rules,
                "ASHA, tuned": here.cheapest(asha, noise),
                "ASHA with rules, tuned": here.cheapest(both, noise),
            }
            for name, tried in {**fixed, **fitted}.items():
                results.setdefault(name, []).extend(there.figures(tried))
                if tried.name:
                    counts = chosen.setdefault(name, {})
                    counts[tried.name] = counts.get(tried.name, 0) + 1
            for share, pairs in equal.items():
                alone, together = here.best_by(asha, share), here.best_by(both, share)
                pairs.extend(zip(there.figures(alone), there.figures(together), strict=True))
        print(f"split {split + 1} of {splits}", flush=True)
    return {"results": results, "chosen": chosen, "equal": equal}


def _with(scheduler: Tried, rules: Tried) -> Tried:
    """Both together."""
    return Tried(scheduler.name, Policy("both", scheduler.policy.scheduler, rules.policy.stopping), rules.verdicts)


def landscape(about: About, trials: Sequence[Recording], names: Sequence[Any], orders: int) -> dict[str, list[tuple[str, float, float]]]:
    """Share and mean regret of every ASHA alone and with the shipped rules, and of the others, over resampled sweeps of all trials."""
    source = random.Random(1)
    sweeps = [resampled(trials, source) for _ in range(orders)]
    shipped = Verdicts(names)
    kinds = {
        "ASHA": [Tried(f"{one.grace:g}, {one.reduction:g}", Policy("asha", one, ()), Verdicts(())) for one in schedulers()],
        "ASHA with rules": [Tried(f"{one.grace:g}, {one.reduction:g}", Policy("both", one, tuple(names)), shipped) for one in schedulers()],
        "median": [Tried(f"{g:g}", Policy("median", Scheduler("median", grace=g), ()), Verdicts(())) for g in (0.1, 0.2, 0.34)],
        "rules": [Tried("", Policy("rules", NONE, tuple(names)), shipped)],
    }
    if trials[0].equilibrium is not None and trials[0].equilibrium.scale is not None:
        kinds["near ln 2, naively"] = [Tried("", Policy("naive", NONE, ()), Verdicts(["diverged", NearLn2()]))]
    found = {}
    for kind, candidates in kinds.items():
        figures = [(tried.name, [judged(tried, sweep, about) for sweep in sweeps]) for tried in candidates]
        found[kind] = [
            (name, statistics.fmean(one.share for one in some), statistics.fmean(one.regret for one in some)) for name, some in figures
        ]
    return found


def draw(found: Mapping[str, Sequence[tuple[str, float, float]]], about: About, noise: float, path: Path) -> None:
    """Regret over compute, a point a policy."""
    figure = Figure(figsize=(8.4, 4.8), layout="constrained")
    ax = figure.subplots()
    for (kind, points), colour, marker in zip(
        found.items(), ("#2a6fbb", "#d1662c", "#8a56ac", "#3a8f5c", "#b8860b"), "os^DX", strict=False
    ):
        ax.scatter(
            [100 * share for _, share, _ in points], [regret for *_, regret in points], color=colour, marker=marker, s=42, label=kind
        )
    ax.axhline(noise, color="#6b7280", linewidth=1, linestyle="--")
    ax.annotate("std of a seed", (100, noise), ha="right", va="bottom", color="#6b7280", fontsize=9)
    ax.set_xlim(0, 102)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("device seconds, % of training every trial to its end", fontsize=9)
    ax.set_ylabel(f"mean regret, {about.objective}", fontsize=9)
    ax.set_title(f"{about.family} on {about.data}: what a policy costs and what it loses", fontsize=10.5, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="#e5e7eb", linewidth=0.7)
    ax.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=130)


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
    missed, good, told_missed = missed_by(names, about, trials)
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
    print("\n| compute spent | ASHA: mean regret | with rules | difference | better, equal, worse |\n|---|---|---|---|---|")
    equal = {}
    for share, pairs in found["equal"].items():
        alone, together = (statistics.fmean(one.by[share] for one in side) for side in zip(*pairs, strict=True))
        gain = [with_rules.by[share] - without.by[share] for without, with_rules in pairs]
        _, low, high = interval(gain)
        counts = [sum(one < 0 for one in gain), sum(one == 0 for one in gain), sum(one > 0 for one in gain)]
        equal[f"{share:g}"] = {"asha": alone, "with rules": together, "difference": [low, high], "counts": counts}
        told = ", ".join(f"{count / len(gain):.0%}" for count in counts)
        print(f"| {share:.0%} | {alone:.3g} | {together:.3g} | {together - alone:+.3g} [{low:+.3g}, {high:+.3g}] | {told} |")
    print(f"\nshipped rules alone: {missed} of the {good} best trials ended before their best checkpoint, exact 95 % interval "
          f"[{exact.low:.1%}, {exact.high:.1%}]")  # fmt: skip
    print("\n".join(told_missed))
    for name, counts in found["chosen"].items():
        print(f"{name}: " + "; ".join(f"{times} x {what}" for what, times in sorted(counts.items(), key=lambda pair: -pair[1])[:4]))
    spread = landscape(about, trials, names, given.splits)
    picture = given.out / f"early_stopping_{given.name}.png"
    draw(spread, about, noise, picture)
    kept = {"noise": noise, "policies": rows, "equal_compute": equal, "missed": [missed, good, exact.low, exact.high],
            "chosen": found["chosen"], "landscape": spread}  # fmt: skip
    path = given.out / f"early_stopping_{given.name}.json"
    path.write_text(json.dumps(kept, indent=1))
    print(path, picture)


if __name__ == "__main__":
    main()

"""Which schedulers and stop rules pay: tuned on one half of recorded trials, reported on the other half.

    python benchmarks/early_stopping.py dcgan         # benchmarks/recorded/dcgan.parquet, 20 splits: a quarter of an hour on a core
    python benchmarks/early_stopping.py dcgan --splits 10 --out /tmp

Every split halves the trials at random. On one half each kind of policy is tuned: rules alone must end as few trials of the best tenth,
and of the best third, before their best checkpoint as can be had; all must keep the regret, as a mean over resampled sweeps (which feels
a sweep that found nothing), within the noise of a seed; of those that do, the cheapest is taken. On the other half it is judged on
resampled sweeps in random order; then the halves change places. For the comparison at equal compute ASHA, by the objective or c2st_loss, is
tuned for the least regret at the moment when a given share of the full compute is spent. Given are medians and 95 % intervals over splits,
halves and resamples together. `share` is device seconds over those of full training; `regret` how much worse the best value found is. The
noise of a seed is the pooled std of the best value over the seeds of one setting, of the better half of the settings. Rows of what is
shipped are not cross-fitted: its defaults were chosen, and two conditions of its rules made, after looking at such recordings.
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


NAIVE = Tried("", Policy("naive", NONE, ()), Verdicts(["diverged", NearLn2()]))


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
        "near ln 2, as naively read": NAIVE,
        "shipped rules": Tried("", Policy("rules", NONE, tuple(names)), shipped),
        "shipped ASHA": Tried("", Policy("asha", plain, ()), Verdicts(())),
        "shipped ASHA with shipped rules": Tried("", Policy("both", plain, tuple(names)), shipped),
    }
    if trials[0].equilibrium is None or trials[0].equilibrium.scale is None:
        del fixed["near ln 2, as naively read"]
    paired = {(name, id(one)): [_with(tried, one) for tried in tries] for name, tries in halving.items() for one in rules}
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


def _with(scheduler: Tried, rules: Tried) -> Tried:
    """Both together."""
    return Tried(scheduler.name, Policy("both", scheduler.policy.scheduler, rules.policy.stopping), rules.verdicts)


def progress(about: About, trials: Sequence[Recording], policies: Mapping[str, Tried], sweeps: int) -> dict[str, list[list[float]]]:
    """For each policy the share of the full compute spent, and quartiles of the best value found by then, over resampled sweeps."""
    source = random.Random(1)
    drawn = [resampled(trials, source) for _ in range(sweeps)]
    sign = 1 if about.mode == "min" else -1
    found: dict[str, list[list[float]]] = {}
    for name, tried in policies.items():
        spent: list[tuple[Sequence[Ended], Sequence[Recording], float]] = []
        for sweep in drawn:
            ended = simulate(sweep, tried.policy, workers=WORKERS, report_every=about.report_every, verdicts=tried.verdicts)
            spent.append((ended, sweep, sum(recording.clock[-1] for recording in sweep) / WORKERS))
        last = statistics.fmean(outcome(ended).share for ended, *_ in spent)
        found[name] = []
        for share in [0.02 * 50 ** (step / 39) for step in range(40)]:
            if share > last and found[name]:
                break
            bests = [sign * (regret_by(ended, sweep, share * whole) + best_of(sweep)) for ended, sweep, whole in spent]
            found[name].append([share, *statistics.quantiles(bests, n=4, method="inclusive")])
    return found


def best_of(sweep: Sequence[Recording]) -> float:
    """The best value of all, as a number of which less is better."""
    sign = 1 if sweep[0].mode == "min" else -1
    return min(sign * value for one in sweep if (value := one.best(len(one.points))) is not None)


def draw(found: Mapping[str, Sequence[Sequence[float]]], about: About, path: Path) -> None:
    """The best value found over compute: medians, and quartiles as bands."""
    figure = Figure(figsize=(8.4, 4.8), layout="constrained")
    ax = figure.subplots()
    for (name, points), colour in zip(found.items(), ("#6b7280", "#3a8f5c", "#2a6fbb", "#d1662c"), strict=False):
        share, low, middle, high = zip(*points, strict=True)
        x = [100 * one for one in share]
        ax.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
        ax.plot(x, middle, color=colour, linewidth=2, label=name)
        ax.plot(x[-1:], middle[-1:], "o", color=colour, markersize=6)
    ax.set_xscale("log")
    if about.mode == "min":
        ax.set_yscale("log")
    ax.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    ax.set_xlabel("device seconds spent, % of training every trial to its end (the dot: the sweep is over)", fontsize=9)
    ax.set_ylabel(f"best {about.objective} found: median and quartiles of sweeps", fontsize=9)
    ax.set_title(f"{about.family} on {about.data}: what a sweep has found when so much was spent", fontsize=10.5, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="#e5e7eb", linewidth=0.7, which="both")
    ax.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=130)


def standing(trials: Sequence[Recording], reports: Sequence[int] = (1, 2, 3, 4)) -> list[dict[str, Any]]:
    """Where the best tenth stand among all after so many reports, by what ASHA may compare: the share of trials that are no worse, of the
    middle one of the tenth and of its last."""
    good = {one.id for one, _ in good_trials(trials)}
    found = []
    for count in reports:
        row: dict[str, Any] = {"kimg": statistics.median(one.points[count - 1]["kimg"] for one in trials if len(one.points) >= count)}
        for name in ("objective", "c2st_loss"):
            worths = {one.id: worth(one, count, name) for one in trials}
            places = sorted(sum(value <= worths[id] for value in worths.values()) / len(worths) for id in good)
            row[name] = [statistics.median(places), places[-1]]
        found.append(row)
    return found


def worth(one: Recording, count: int, name: str) -> float:
    """The running best of the objective or of c2st_loss after `count` reports, as a number of which less is better."""
    if name == "objective":
        best = one.best(count)
        return math.inf if best is None else best if one.mode == "min" else -best
    return -max((value for point in one.points[:count] if math.isfinite(value := point.get(name, -math.inf))), default=-math.inf)


def near_ln2(about: About, trials: Sequence[Recording]) -> tuple[int, list[str]]:
    """How many trials the naive reading ends, and those of them that were about to get better by a tenth or more."""
    ended = simulate(trials, NAIVE.policy, workers=WORKERS, report_every=about.report_every, verdicts=NAIVE.verdicts)
    sign = 1 if about.mode == "min" else -1
    stopped, false = 0, []
    for one in ended:
        if one.reason != str(Reason.EQUILIBRIUM):
            continue
        stopped += 1
        full, best = one.recording.best(len(one.recording.points)), one.best
        if full is not None and best is not None and sign * full < sign * best - 0.1 * abs(best):
            when = f"when ended at {one.kimg:g} kimg"
            false.append(f"{one.recording.id}: {about.objective} {best:.3g} {when}, {full:.3g} at {one.recording.best_kimg:g}")
    return stopped, false


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
    flags.add_argument("--splits", type=int, default=20)
    flags.add_argument("--file", type=Path, help="another recording")
    flags.add_argument("--noise", type=float, help="Std of a seed, for a recording without repeated settings.")
    flags.add_argument("--out", type=Path, default=RECORDED)
    given = flags.parse_args()
    about, recorded = read_table(given.file or RECORDED / f"{given.name}.parquet")
    names = list(load_sweep(about.family).stopping)
    trials = [one for one in recorded if one.group != "seeds"]
    noise = seed_noise(recorded) if given.noise is None else given.noise
    found = crossfitted(about, trials, names, noise, given.splits)
    missed, good, told_missed = missed_by(names, about, trials)
    exact = binomtest(missed, good).proportion_ci(method="exact")
    print(f"\n{about.command}: {len(trials)} trials; noise of a seed: std {noise:.3g} {about.objective}\n")
    print(f"| policy | share of full compute | regret ({about.objective}) | its mean | good trials missed |\n|---|---|---|---|---|")
    rows = {}
    for name, figures in found["results"].items():
        share, regret = (interval(getattr(one, key) for one in figures) for key in ("share", "regret"))
        lost = sum(one.missed for one in figures) / sum(one.good for one in figures)
        mean = statistics.fmean(one.regret for one in figures)
        rows[name] = {"share": share, "regret": regret, "mean regret": mean, "missed": lost}
        compute = f"{share[0]:.0%} [{share[1]:.0%}, {share[2]:.0%}]"
        print(f"| {name} | {compute} | {regret[0]:.3g} [{regret[1]:.3g}, {regret[2]:.3g}] | {mean:.2g} | {lost:.1%} |")
    names_of = list(next(iter(found["equal"].values()))[0])
    print(
        f"\n| compute spent | {' | '.join(f'{name}: mean regret' for name in names_of)} | the last less the first | better, equal, worse |"
    )
    print("|---" * (len(names_of) + 3) + "|")
    equal = {}
    for share, sweeps in found["equal"].items():
        means = [statistics.fmean(one[name].by[share] for one in sweeps) for name in names_of]
        gain = [one[names_of[-1]].by[share] - one[names_of[0]].by[share] for one in sweeps]
        _, low, high = interval(gain)
        counts = [sum(one < 0 for one in gain), sum(one == 0 for one in gain), sum(one > 0 for one in gain)]
        equal[f"{share:g}"] = dict(zip(names_of, means, strict=True)) | {"difference": [low, high], "counts": counts}
        told = ", ".join(f"{count / len(gain):.0%}" for count in counts)
        columns = " | ".join(f"{mean:.3g}" for mean in means)
        print(f"| {share:.0%} | {columns} | {means[-1] - means[0]:+.3g} [{low:+.3g}, {high:+.3g}] | {told} |")
    places = standing(trials)
    print("\n| after | the best tenth stand by the objective: median, last | by c2st_loss |\n|---|---|---|")
    for row in places:
        by, test = (" | ".join(f"{share:.0%}" for share in row[name]).replace(" | ", ", ") for name in ("objective", "c2st_loss"))
        print(f"| {row['kimg']:.0f} kimg | {by} | {test} |")
    print(f"\nshipped rules alone: {missed} of the {good} best trials ended before their best checkpoint, exact 95 % interval "
          f"[{exact.low:.1%}, {exact.high:.1%}]")  # fmt: skip
    print("\n".join(told_missed))
    for name, counts in found["chosen"].items():
        print(f"{name}: " + "; ".join(f"{times} x {what}" for what, times in sorted(counts.items(), key=lambda pair: -pair[1])[:4]))
    if trials[0].equilibrium is not None and trials[0].equilibrium.scale is not None:
        stopped, false = near_ln2(about, trials)
        print(f"\nnear ln 2, as naively read: {stopped} of {len(trials)} trials ended, {len(false)} of them about to get better by a tenth")
        print("\n".join(false[:8]))
    shipped, scheduler = Verdicts(names), load_sweep(about.family).scheduler
    policies = {
        "every trial to its end": Tried("", Policy("nothing", NONE, ()), Verdicts(())),
        "the rules": Tried("", Policy("rules", NONE, tuple(names)), shipped),
        "ASHA": Tried("", Policy("asha", scheduler, ()), Verdicts(())),
        "ASHA with the rules": Tried("", Policy("both", scheduler, tuple(names)), shipped),
    }
    found_by = progress(about, trials, policies, 40)
    picture = given.out / f"early_stopping_{given.name}.png"
    draw(found_by, about, picture)
    kept = {"noise": noise, "policies": rows, "equal_compute": equal, "missed": [missed, good, exact.low, exact.high],
            "chosen": found["chosen"], "standing": places, "progress": found_by}  # fmt: skip
    path = given.out / f"early_stopping_{given.name}.json"
    path.write_text(json.dumps(kept, indent=1))
    print(path, picture)


if __name__ == "__main__":
    main()

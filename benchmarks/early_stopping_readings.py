"""What `early_stopping.py` reads off recorded trials beside its policies, and its picture."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from early_stopping_policies import WORKERS, Tried, best_of, judged, regret_by, resampled
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from gantune.replay import About, Ended, Policy, Recording, Verdicts, outcome, simulate
from gantune.replay.outcome import good_trials
from gantune.replay.simulation import CENSORED
from gantune.spec.model import Scheduler
from gantune.stopping import Reason


def by_size(
    about: About, trials: Sequence[Recording], names: Sequence[Any], sizes: Sequence[int] = (16, 60), repeats: int = 100
) -> list[dict[str, Any]]:
    """What ASHA with the rules costs and finds in sweeps of so many trials: compute, mean regret, and the 90th percentile of regret."""
    rules, source = Verdicts(names), random.Random(2)
    rows = []
    for size in (size for size in sizes if size <= len(trials)):
        sweeps = [source.sample(list(trials), size) for _ in range(repeats)]
        for compare, grace, reduction in itertools.product(("objective", "c2st_loss"), (0.05, 0.1, 0.2), (3, 4)):
            policy = Policy("both", Scheduler("asha", grace=grace, reduction=reduction, compare=compare), tuple(names))
            figures = [judged(Tried("", policy, rules), sweep, about) for sweep in sweeps]
            regrets = sorted(one.regret for one in figures)
            rows.append({
                "trials": size, "compare": compare, "grace": grace, "reduction": reduction,
                "share": statistics.fmean(one.share for one in figures),
                "regret": statistics.fmean(regrets),
                "tenth": regrets[round(0.9 * (len(regrets) - 1))],
            })  # fmt: skip
    return rows


def interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Median, and the bounds of the central 95 %."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[int(0.025 * len(ordered))], ordered[min(len(ordered) - 1, int(0.975 * len(ordered)))]


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
        for axis in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            axis(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
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


def false_ends(tried: Tried, about: About, trials: Sequence[Recording]) -> tuple[dict[str, int], list[str]]:
    """How many trials each rule ends, and which of them were about to get better by a tenth or more (a loss that is NaN apart)."""
    ended = simulate(trials, tried.policy, workers=WORKERS, report_every=about.report_every, verdicts=tried.verdicts)
    sign = 1 if about.mode == "min" else -1
    counts: dict[str, int] = {}
    false = []
    for one in ended:
        if one.reason in (str(Reason.BUDGET), str(Reason.DIVERGED), CENSORED):
            continue
        counts[one.reason] = counts.get(one.reason, 0) + 1
        full, best = one.recording.best(len(one.recording.points)), one.best
        if full is not None and best is not None and sign * full < sign * best - 0.1 * abs(best):
            when = f"when ended at {one.kimg:g} kimg by {one.reason}"
            false.append(f"{one.recording.id}: {about.objective} {best:.3g} {when}, {full:.3g} at {one.recording.best_kimg:g}")
    return counts, false


def missed_by(tried: Tried, about: About, trials: Sequence[Recording], share: float) -> tuple[int, int, list[str]]:
    """Of the best `share` of all trials, how many the policy ends before their best checkpoint, of how many, and which."""
    ended = simulate(trials, tried.policy, workers=WORKERS, report_every=about.report_every, verdicts=tried.verdicts)
    good = {recording.id: full for recording, full in good_trials(trials, share)}
    told = [
        f"{one.recording.id}: {about.objective} {good[one.recording.id]:.3g} at {one.recording.best_kimg:g} kimg, "
        f"ended at {one.kimg:g} by {one.reason}"
        for one in ended
        if one.recording.id in good and one.kimg < (one.recording.best_kimg or 0.0)
    ]
    return len(told), len(good), told

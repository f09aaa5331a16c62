"""Which schedulers and stop rules pay: tuned on one half of recorded trials, reported on the other half.

    python benchmarks/early_stopping.py dcgan         # benchmarks/recorded/dcgan.parquet, 20 splits: a quarter of an hour on a core
    python benchmarks/early_stopping.py dcgan --space # of them the 150 that were drawn from the whole space
    python benchmarks/early_stopping.py dcgan --splits 10 --out /tmp

Every split halves the trials at random. On one half each kind of policy is tuned: rules alone must end as few trials of the best
third before their best checkpoint as can be had; all must keep the regret, as a mean over resampled sweeps (which feels
a sweep that found nothing), within the noise of a seed; of those that do, the cheapest is taken. On the other half it is judged on
resampled sweeps in random order; then the halves change places. For the comparison at equal compute ASHA, by the objective or c2st_loss, is
tuned for the least regret at the moment when a given share of the full compute is spent. Given are medians and 95 % intervals over splits,
halves and resamples together. `share` is device seconds over those of full training; `regret` how much worse the best value found is. The
noise of a seed is the pooled std of the best value over the seeds of one setting, of the better half of the settings. Rows of what is
shipped are not cross-fitted: defaults, paces and some conditions of the rules were chosen after looking at such recordings. So were the
candidates among which the tuned rows choose, and that trials may be compared by c2st_loss.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from early_stopping_policies import NONE, Figures, Tried, crossfitted, naive, seed_noise
from early_stopping_readings import by_size, draw, false_ends, interval, missed_by, progress, standing
from scipy.stats import binomtest

from gantune.replay import Policy, Verdicts, read_table
from gantune.spec import load_sweep

RECORDED = Path(__file__).parent / "recorded"


def policies_table(results: Mapping[str, Sequence[Figures]], objective: str) -> dict[str, Any]:
    """Print what each policy costs, finds and misses; the numbers."""
    print(f"| policy | share of full compute | regret ({objective}) | its mean | good trials missed |\n|---|---|---|---|---|")
    rows = {}
    for name, figures in results.items():
        share, regret = (interval(getattr(one, key) for one in figures) for key in ("share", "regret"))
        lost = sum(one.missed for one in figures) / sum(one.good for one in figures)
        mean = statistics.fmean(one.regret for one in figures)
        rows[name] = {"share": share, "regret": regret, "mean regret": mean, "missed": lost}
        compute = f"{share[0]:.0%} [{share[1]:.0%}, {share[2]:.0%}]"
        print(f"| {name} | {compute} | {regret[0]:.3g} [{regret[1]:.3g}, {regret[2]:.3g}] | {mean:.2g} | {lost:.1%} |")
    return rows


def equal_table(equal: Mapping[float, Sequence[Mapping[str, Figures]]]) -> dict[str, Any]:
    """Print the contenders at equal compute; the numbers."""
    names = list(next(iter(equal.values()))[0])
    regrets = " | ".join(f"{name}: mean regret" for name in names)
    print(f"\n| compute spent | {regrets} | the last less the first | better, equal, worse |\n" + "|---" * (len(names) + 3) + "|")
    rows: dict[str, Any] = {}
    for share, sweeps in equal.items():
        means = [statistics.fmean(one[name].by[share] for one in sweeps) for name in names]
        gain = [one[names[-1]].by[share] - one[names[0]].by[share] for one in sweeps]
        _, low, high = interval(gain)
        counts = [sum(one < 0 for one in gain), sum(one == 0 for one in gain), sum(one > 0 for one in gain)]
        rows[f"{share:g}"] = dict(zip(names, means, strict=True)) | {"difference": [low, high], "counts": counts}
        told = ", ".join(f"{count / len(gain):.0%}" for count in counts)
        columns = " | ".join(f"{mean:.3g}" for mean in means)
        print(f"| {share:.0%} | {columns} | {means[-1] - means[0]:+.3g} [{low:+.3g}, {high:+.3g}] | {told} |")
    return rows


def standing_table(places: Sequence[Mapping[str, Any]]) -> None:
    """Print where the best tenth stand early."""
    print("\n| after | the best tenth stand by the objective: median, last | by c2st_loss |\n|---|---|---|")
    for row in places:
        by, test = (", ".join(f"{share:.0%}" for share in row[name]) for name in ("objective", "c2st_loss"))
        print(f"| {row['kimg']:.0f} kimg | {by} | {test} |")


def sizes_table(rows: Sequence[Mapping[str, Any]], objective: str) -> None:
    """Print what a sweep's size makes of ASHA's pace."""
    print(f"\n| trials | compared by | grace | reduction | compute | mean regret ({objective}) | worst tenth above |\n" + "|---" * 7 + "|")
    for row in rows:
        told = f"{row['grace']:g} | {row['reduction']} | {row['share']:.0%} | {row['regret']:.2g} | {row['tenth']:.2g}"
        print(f"| {row['trials']} | {row['compare']} | {told} |")


def main() -> None:
    """Tune, judge, print the tables and keep all numbers."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("name", help="of a file in benchmarks/recorded")
    flags.add_argument("--splits", type=int, default=20)
    flags.add_argument("--space", action="store_true", help="Only the trials drawn from the whole space, not those near the best.")
    flags.add_argument("--file", type=Path, help="another recording")
    flags.add_argument("--noise", type=float, help="Std of a seed, for a recording without repeated settings.")
    flags.add_argument("--out", type=Path, default=RECORDED)
    given = flags.parse_args()
    about, recorded = read_table(given.file or RECORDED / f"{given.name}.parquet")
    spec = load_sweep(about.family)
    names = list(spec.stopping)
    trials = [one for one in recorded if one.group in (("space",) if given.space else ("space", "near"))]
    noise = seed_noise(recorded) if given.noise is None else given.noise
    found = crossfitted(about, trials, names, noise, given.splits)
    print(f"\n{about.command}: {len(trials)} trials; noise of a seed: std {noise:.3g} {about.objective}\n")
    rows = policies_table(found["results"], about.objective)
    equal = equal_table(found["equal"])
    places = standing(trials)
    standing_table(places)
    sizes = by_size(about, [one for one in trials if one.group == "space"], names)
    sizes_table(sizes, about.objective)
    shipped = Tried("", Policy("rules", NONE, tuple(names)), Verdicts(names))
    missed, good, told_missed = missed_by(shipped, about, trials, 0.1)
    exact = binomtest(missed, good).proportion_ci(method="exact")
    missed_third, third, told_third = missed_by(shipped, about, trials, 1 / 3)
    print(f"\nshipped rules alone: {missed} of the {good} best trials ended before their best checkpoint, exact 95 % interval "
          f"[{exact.low:.1%}, {exact.high:.1%}], and {missed_third} of the best third ({third})")  # fmt: skip
    print("\n".join(told_missed or told_third))
    counts, false = false_ends(shipped, about, trials)
    print(f"they end {json.dumps(counts)}, {len(false)} of them about to get better by a tenth\n" + "\n".join(false))
    for name, counts in found["chosen"].items():
        print(f"{name}: " + "; ".join(f"{times} x {what}" for what, times in sorted(counts.items(), key=lambda pair: -pair[1])[:4]))
    naively: dict[str, Any] = {}
    if trials[0].equilibrium is not None and trials[0].equilibrium.scale is not None:
        ends, early = false_ends(naive(), about, trials)
        naively = {"ended": sum(ends.values()), "false": early}
        print(f"\nnear ln 2, as naively read: {naively['ended']} of {len(trials)} ended, {len(early)} about to get better by a tenth")
        print("\n".join(early[:8]))
    scheduler = spec.scheduler
    policies = {
        "every trial to its end": Tried("", Policy("nothing", NONE, ()), Verdicts(())),
        "the rules": shipped,
        "ASHA by the objective": Tried("", Policy("asha", replace(scheduler, compare="objective"), ()), Verdicts(())),
        "ASHA with the rules, as shipped": Tried("", Policy("both", scheduler, tuple(names)), shipped.verdicts),
    }
    found_by = progress(about, trials, policies, 40)
    name = f"early_stopping_{given.name}{'_space' if given.space else ''}"
    picture = given.out / f"{name}.png"
    draw(found_by, about, picture)
    kept = {"noise": noise, "policies": rows, "equal_compute": equal, "missed": [missed, good, exact.low, exact.high],
            "missed_third": [missed_third, third], "ended": counts, "false_ends": false, "near_ln2": naively,
            "chosen": found["chosen"], "standing": places, "sizes": sizes, "progress": found_by}  # fmt: skip
    path = given.out / f"{name}.json"
    path.write_text(json.dumps(kept, indent=1))
    print(path, picture)


if __name__ == "__main__":
    main()

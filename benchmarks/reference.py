"""The recorded benchmarks that stop rules and schedulers are judged on: trials that nobody stopped, with every signal at every report.

    python benchmarks/reference.py dcgan        # 150 + 60 + 50 trials x 60 kimg: about two hours on two cores
    python benchmarks/reference.py wgan_gp      # 48 + 16 + 15
    python benchmarks/reference.py gan_ring8    # 60 + 20 + 15, objective: coverage
    python benchmarks/reference.py dcgan --write-only

`space` trials are a Sobol sequence over the family's whole search space, the canonical setting first; `near` trials lie around the best
of them (each range a factor of two, or a tenth of it, to either side; the choices its own); `seeds` are settings between the best and the
median of both, each with several seeds (ten with five for dcgan, five with three for the others). Only NaN ends a trial before its
budget. Every trial keeps its folder in --runs and goes on from its checkpoint when the script is started again; the curves are written to
benchmarks/recorded/NAME.parquet, for `gantune replay benchmarks/recorded/NAME.parquet`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from scipy.stats import qmc

from gantune.families import open_family
from gantune.replay import About, Trace, write_table
from gantune.signals import Point
from gantune.spec import SweepSpec, load_sweep
from gantune.sweep import versions
from gantune.training import checkpoint
from gantune.trial import Trial, TrialPlan

FRESH = 20  # trials that a process trains before another takes its place
RECORDED = Path(__file__).parent / "recorded"


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """What is recorded under one name."""

    sweep: str
    space: int  # how many trials of each kind
    near: int
    settings: int
    seeds: int
    sets: tuple[str, ...] = ()


BENCHMARKS = {
    "dcgan": Benchmark("dcgan", 150, 60, 10, 5),
    "wgan_gp": Benchmark("wgan_gp", 48, 16, 5, 3),
    "gan_ring8": Benchmark("gan", 60, 20, 5, 3, ("data=ring8", "objective.metric=coverage", "objective.mode=max")),
}


def sobol(spec: SweepSpec, n: int) -> Iterator[dict[str, Any]]:
    """The canonical setting, then the points of a scrambled Sobol sequence over the space."""
    yield spec.space.canonical()[0][0]
    names = list(spec.space.domains)
    rows = qmc.Sobol(len(names), rng=0).random(1 << math.ceil(math.log2(n)))
    for row in rows[: n - 1]:
        shares = dict(zip(names, row.tolist(), strict=True))
        yield spec.space.sample(lambda name, domain, shares=shares: domain.at(shares[name]))[0]  # type: ignore[misc]  # mypy: no type for its default


def around(spec: SweepSpec, best: Mapping[str, Any], n: int) -> Iterator[dict[str, Any]]:
    """Random points near `best`."""
    source = random.Random(0)

    def choose(name: str, domain: Any) -> Any:
        if domain.kind == "choice" or name not in best:
            return domain.nearest(best.get(name))
        at = best[name]
        if domain.log:
            return domain.nearest(at * 2 ** source.uniform(-1, 1))
        reach = (domain.high - domain.low) / 10
        return domain.nearest(at + source.uniform(-reach, reach))

    for _ in range(n):
        yield spec.space.sample(choose)[0]


def plan(spec: SweepSpec, folder: Path, id: str, params: Mapping[str, Any], seed: int) -> TrialPlan:
    """A trial that runs to its budget unless its losses are NaN."""
    config = spec.config(params)
    return TrialPlan(
        trial=id,
        family=spec.space.family_of(params),
        data=spec.data,
        values=config.flat() | {"seed": seed},
        kimg=spec.budget.kimg,
        report_every=spec.budget.report_every,
        folder=str(folder / id),
        metrics=dict(spec.metrics),
        rules=[{"diverged": {"loss_limit": 1e30, "norm_limit": 1e30}}],
        objective=spec.objective.metric,
        mode=spec.objective.mode,
        grids=1,
    )


def train(content: dict[str, Any]) -> str:
    """Run one trial, or what is left of it, in a process of the pool."""
    trial = Trial(TrialPlan.from_json(content))
    while trial.verdict is None:
        trial.advance()
    return f"{trial.plan.trial}: best {trial.plan.objective} {trial.curve.best()}"


def points_of(folder: Path) -> list[Point]:
    """The reports of a trial that has ended; nothing where it has not."""
    if not (folder / "last.pt").is_file():
        return []
    content = checkpoint.load(folder / "last.pt")
    return list(content["points"]) if content["verdict"] is not None else []


def best_of(points: Sequence[Point], spec: SweepSpec) -> float:
    """The trial's objective as a number of which less is better."""
    sign = 1 if spec.objective.mode == "min" else -1
    return min((sign * value for point in points if math.isfinite(value := point.get(spec.objective.metric, math.nan))), default=math.inf)


def run_all(plans: Sequence[TrialPlan], workers: int) -> None:
    """Train those that have not ended."""
    waiting = [one for one in plans if not points_of(Path(one.folder))]
    start = time.monotonic()
    done, context = 0, multiprocessing.get_context("spawn")
    for first in range(0, len(waiting), FRESH * workers):  # not max_tasks_per_child: with it the pool stands still (gh-115634)
        some = waiting[first : first + FRESH * workers]
        with ProcessPoolExecutor(workers, context, os.nice, (5,)) as pool:
            for future in as_completed([pool.submit(train, one.to_json()) for one in some]):
                done += 1
                left = (time.monotonic() - start) / done * (len(waiting) - done) / 60
                print(f"[{done}/{len(waiting)}, {left:.0f} min left] {future.result()}", flush=True)


def record(name: str, runs: Path, workers: int, write_only: bool) -> Path:
    """Train what is missing, kind after kind, and write what there is."""
    bench = BENCHMARKS[name]
    spec = load_sweep(bench.sweep, sets=bench.sets)
    folder = runs / name
    params: dict[str, tuple[str, dict[str, Any]]] = {}
    plans: dict[str, TrialPlan] = {}

    def add(group: str, id: str, searched: dict[str, Any], seed: int) -> None:
        params[id] = (group, searched | ({"seed": seed} if group == "seeds" else {}))
        plans[id] = plan(spec, folder, id, searched, seed)

    def done() -> list[str]:
        """The ids of trials that have ended, the best first."""
        found = {id: best_of(points, spec) for id in plans if (points := points_of(folder / id))}
        return sorted(found, key=found.__getitem__)

    def run() -> None:
        if not write_only:
            run_all(list(plans.values()), workers)

    for number, searched in enumerate(sobol(spec, bench.space)):
        add("space", f"space-{number:03d}", searched, spec.seed)
    run()
    for number, searched in enumerate(around(spec, params[done()[0]][1], bench.near)):
        add("near", f"near-{number:03d}", searched, spec.seed)
    run()
    ranked = done()
    chosen = [ranked[round(place * (len(ranked) // 2) / (bench.settings - 1))] for place in range(bench.settings)]
    for number, id in enumerate(chosen):
        for seed in range(1, bench.seeds + 1):
            add("seeds", f"seeds-{number}-{seed}", params[id][1], seed)
    run()

    traces = [Trace(id, *params[id], points) for id in plans if (points := points_of(folder / id))]
    family = open_family(spec.families[0])
    searched_names = set(spec.space.domains)
    about = About(
        family=family.name,
        data=spec.data,
        objective=spec.objective.metric,
        mode=spec.objective.mode,
        budget_kimg=spec.budget.kimg,
        report_every=spec.budget.report_every,
        values={key: value for key, value in spec.config(params["space-000"][1]).flat().items() if key not in searched_names},
        command=f"python benchmarks/reference.py {name}",
        versions=versions(),
    )
    RECORDED.mkdir(exist_ok=True)
    path = RECORDED / f"{name}.parquet"
    write_table(path, about, traces)
    counts = {group: sum(trace.group == group for trace in traces) for group in ("space", "near", "seeds")}
    print(f"{path}: {json.dumps(counts)} trials, {path.stat().st_size / 1e6:.2f} MB")
    return path


def main() -> None:
    """Record one benchmark."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("name", choices=BENCHMARKS)
    flags.add_argument("--runs", type=Path, default=Path("runs/reference"))
    flags.add_argument("--workers", type=int, default=2)
    flags.add_argument("--write-only", action="store_true", help="Train nothing: write what has ended.")
    given = flags.parse_args()
    record(given.name, given.runs, given.workers, given.write_only)


if __name__ == "__main__":
    sys.exit(main())

"""Runs or resumes a sweep of synthetic trials as a process of its own: `python driver.py FOLDER [--resume] [--trials N] …`."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from gantune.runtime import desk
from gantune.runtime.pruning import Asha, open_pruner
from gantune.space import Domain, SearchSpace, zoo_of
from gantune.spec import Budget, Finalists, Objective, Resources, Sampler, Scheduler, Score, SweepSpec
from gantune.sweep import SweepInterrupted, resume_sweep, run_sweep
from gantune.yaml_file import parse_yaml

PRUNERS: list[Any] = []
OPENER, SCORER = "synthetic:Synthetic", "synthetic:score"


def spec(trials: int = 12, *, hours: float | None = None, top: int = 1, seeds: int = 2) -> SweepSpec:
    """Twelve trials of five reports."""
    space = SearchSpace(
        family="gan",
        source="test",
        parameters={"lr_g": Domain("log", low=1e-5, high=1e-2), "k": Domain("choice", choices=(1, 2))},
        defaults={"lr_g": 2e-4, "k": 1},
    )
    return SweepSpec(
        name="synthetic",
        source="test",
        family="gan",
        data="ring8",
        space=space,
        fixed={},
        objective=Objective(),
        budget=Budget(trials, kimg=20.0, report_every=4.0, hours=hours),
        sampler=Sampler(),
        scheduler=Scheduler("asha", 0.2, 3),
        stopping=("diverged",),
        stopping_from_user=False,
        finalists=Finalists(top, seeds),
        resources=Resources(),
        metrics={"extractor": "raw", "n_fake": 100},
        score=Score(200),
        seed=0,
    )


def zoo_spec(trials: int = 8) -> SweepSpec:
    """As `spec`, over three families, of which only one has a clip."""
    file = parse_yaml("lr_g: {log: [1e-5, 1e-2]}\nclip: {log: [1e-3, 1], when: {family: wgan}}", "test")
    families = ("gan", "wgan", "lsgan")
    return replace(spec(trials), family=families, space=zoo_of(file, families)[0])


def keep_pruner(*args: Any, **kwargs: Any) -> Any:
    """The pruner as the driver opens it, kept for a look at its rungs in the end."""
    PRUNERS.append(open_pruner(*args, **kwargs))
    return PRUNERS[-1]


def main() -> None:
    desk.open_pruner = keep_pruner
    flags = argparse.ArgumentParser()
    flags.add_argument("folder", type=Path)
    flags.add_argument("--resume", action="store_true")
    flags.add_argument("--trials", type=int, default=12)
    flags.add_argument("--more", type=int, default=0)
    flags.add_argument("--zoo", action="store_true")
    flags.add_argument("--no-scheduler", action="store_true", help="no trial is pruned beside another")
    flags.add_argument("--hours", type=float)
    flags.add_argument("--cluster", action="store_true", help="the one that RAY_ADDRESS names")
    given = flags.parse_args()
    where: dict[str, Any] = {"local": not given.cluster, "cpus": None if given.cluster else 2, "opener": OPENER, "scorer": SCORER}
    try:
        if given.resume:
            record = resume_sweep(given.folder, more_trials=given.more, hours=given.hours, **where)
        else:
            wanted = zoo_spec(given.trials) if given.zoo else spec(given.trials, hours=given.hours)
            if given.no_scheduler:
                wanted = replace(wanted, scheduler=Scheduler("none"))
            record = run_sweep(wanted, given.folder, **where)
    except SweepInterrupted as stopped:
        print(stopped)
        raise SystemExit(130 if stopped.asked else 1) from None
    if isinstance(PRUNERS[-1], Asha):
        (given.folder / "rungs.json").write_text(json.dumps(PRUNERS[-1].rungs))
    print(f"done {len(record.trials)} trials, {len(record.finals)} finals")


if __name__ == "__main__":
    main()

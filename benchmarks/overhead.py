"""What a sweep costs beside its training: trials of a trivial objective, so that everything measured is overhead.

    python benchmarks/overhead.py            # 100 trials of 5 reports on two slots: about ten minutes, nearly all of them the last row
    python benchmarks/overhead.py --only bare gantune --repeat 5

Rows, each with the same number of trials, reports and slots, from the first trial's creation to the last result being where it belongs:
`bare`      Ray Tune, class Trainable, actors reused, default loggers off, random search, nothing recorded
`gantune`   the same trials through gantune: spool, MLflow runs (waited for until complete), Optuna's TPE with its journal, ASHA, live state
`callback`  Ray Tune's function API with its MLflowLoggerCallback, everything else as Ray has it by default

What happens once a sweep is outside the clock and printed beside it: Ray's start, imports, the creation of MLflow's data base.
Rows are run in turn, so that `of bare` compares neighbours in time; medians with their ranges over the turns. Everything here is bound
by the processor: on a machine that others use, the figures say more about them.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
REPORTS = 5
SETTLE = 3.0  # seconds in which Ray's own processes finish their start


def curve(lr_g: float, report: int) -> dict[str, float]:
    """A report of the trivial objective."""
    return {
        "kimg": 4.0 * report,
        "images": 4000 * report,
        "fid": 100 * lr_g / report,
        "d_loss": 0.5,
        "g_loss": 1.0,
        "seconds": 0.01 * report,
    }


class Trivial:
    """The objective as gantune's workers open it."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.lr_g = plan["values"]["lr_g"]
        self.points: list[dict[str, float]] = []
        self.verdict: Any = None

    def advance(self) -> dict[str, float]:
        self.points.append(curve(self.lr_g, len(self.points) + 1))
        if len(self.points) == REPORTS:
            self.verdict = SimpleNamespace(reason="budget", evidence="done")
        return self.points[-1]


def bare(trials: int, folder: Path) -> float:
    """Ray Tune with as little as possible."""
    from ray import tune

    class Objective(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.lr_g = config["lr_g"]

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.lr_g = new_config["lr_g"]
            return True

        def step(self) -> dict[str, Any]:
            return curve(self.lr_g, self.iteration + 1) | {"done": self.iteration + 1 == REPORTS}

    os.environ.update(TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1", RAY_AIR_NEW_OUTPUT="0")
    began = time.perf_counter()
    tuner = tune.Tuner(
        tune.with_resources(Objective, {"cpu": 1}),
        param_space={"lr_g": tune.loguniform(1e-5, 1e-2)},
        tune_config=tune.TuneConfig(num_samples=trials, reuse_actors=True),
        run_config=tune.RunConfig(
            name="bare", storage_path=str(folder), verbose=0, checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False)
        ),
    )
    results = tuner.fit()
    seconds = time.perf_counter() - began
    assert sum(result.metrics["training_iteration"] for result in results) == trials * REPORTS
    return seconds


def gantune(trials: int, folder: Path) -> float:
    """The search of a sweep with everything on, MLflow included."""
    from gantune.runtime.desk import Desk
    from gantune.runtime.follower import following
    from gantune.runtime.live import LiveState
    from gantune.runtime.searching import search
    from gantune.runtime.session import Session
    from gantune.space import Domain, SearchSpace
    from gantune.spec import Budget, Finalists, Objective, Resources, Sampler, Scheduler, Score, SweepSpec
    from gantune.tracking.lock import driver_lock
    from gantune.tracking.spool import read
    from gantune.tracking.store import freeze

    space = SearchSpace(
        "gan", "benchmark", {"lr_g": Domain("log", 1e-5, 1e-2), "beta1": Domain("uniform", 0.0, 0.9)}, defaults={"lr_g": 2e-4}
    )
    spec = SweepSpec(
        name="overhead",
        source="benchmark",
        family="gan",
        data="ring8",
        space=space,
        fixed={},
        objective=Objective(),
        budget=Budget(trials, kimg=4.0 * REPORTS, report_every=4.0),
        sampler=Sampler("tpe"),
        scheduler=Scheduler("asha", grace=1.0),  # decides at the end only, so that all trials have all reports
        stopping=(),
        stopping_from_user=True,
        finalists=Finalists(top=0),
        resources=Resources(),
        metrics={},
        score=Score(),
        seed=0,
    )
    home = folder / "overhead-1"
    home.mkdir()
    freeze(home, spec.to_json())
    drawn = []
    live = LiveState("overhead")
    live.on_change = lambda: drawn.append(live.picture.ended)
    began = time.perf_counter()
    with driver_lock(home), following(home) as follower:
        desk = Desk(spec, home, live, Session(None, 2, 0), opener="overhead:Trivial", scorer="")
        desk.book.append("driver", segment=1, pid=os.getpid())
        while not (home / "tracking.json").exists():
            time.sleep(0.02)
        print(f"  gantune: MLflow imported and its data base made once, in {time.perf_counter() - began:.1f} s", flush=True)
        began = time.perf_counter()
        desk.phase("search", search)
        searched = time.perf_counter() - began
        desk.phase("done", lambda desk: None)
        desk.spool.close()
        behind = follower.drain()
    seconds = time.perf_counter() - began
    assert behind is None, (behind, (home / "mlflow-writer.log").read_text())
    told = [event["kind"] for event in read(home)]
    assert (told.count("report"), told.count("end")) == (trials * REPORTS, trials)
    print(f"  gantune: search {searched:.1f} s, MLflow complete after {seconds:.1f} s", flush=True)
    return seconds


def callback(trials: int, folder: Path) -> float:
    """Ray Tune as its documentation shows it with MLflow."""
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    def objective(config: dict[str, Any]) -> None:
        for report in range(1, REPORTS + 1):
            tune.report(curve(config["lr_g"], report))

    for name in ("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "TUNE_GLOBAL_CHECKPOINT_S", "TUNE_MAX_PENDING_TRIALS_PG"):
        os.environ.pop(name, None)
    logger = MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder}/callback.db", experiment_name="callback")
    began = time.perf_counter()
    tuner = tune.Tuner(
        tune.with_resources(objective, {"cpu": 1}),
        param_space={"lr_g": tune.loguniform(1e-5, 1e-2)},
        tune_config=tune.TuneConfig(num_samples=trials),
        run_config=tune.RunConfig(name="callback", storage_path=str(folder), verbose=0, callbacks=[logger]),
    )
    results = tuner.fit()
    seconds = time.perf_counter() - began
    assert sum(result.metrics["training_iteration"] for result in results) == trials * REPORTS
    return seconds


ROWS: dict[str, Callable[[int, Path], float]] = {"bare": bare, "gantune": gantune, "callback": callback}


def main() -> None:
    """Measure and print the table."""
    from gantune.runtime.session import session

    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--trials", type=int, default=100)
    flags.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    flags.add_argument("--repeat", type=int, default=1, help="of bare and gantune, in turn; the median counts")
    given = flags.parse_args()
    random.seed(0)
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    taken: dict[str, list[float]] = {name: [] for name in given.only}
    for turn in range(given.repeat):
        for name in given.only:
            if name == "callback" and turn:
                continue
            with tempfile.TemporaryDirectory() as temporary, session(local=True, cpus=2):
                os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{temporary}/mlflow.db"
                time.sleep(SETTLE)
                load = os.getloadavg()[0]
                seconds = ROWS[name](given.trials, Path(temporary))
            taken[name].append(seconds)
            print(f"  {name}: {seconds:.1f} s (load before {load:.1f})", flush=True)
    print(f"\n{given.trials} trials of {REPORTS} reports, 2 slots, {os.cpu_count()} cores; median (range) of {given.repeat}")
    print(f"{'':10}{'seconds':>20}{'of bare':>22}{'of callback':>22}")
    for name, seconds in taken.items():
        shares = [spread(shares_of(seconds, taken[other])) if other in taken else "" for other in ("bare", "callback")]
        print(f"{name:10}{spread(seconds):>20}{shares[0]:>22}{shares[1]:>22}")


def shares_of(seconds: list[float], others: list[float]) -> list[float]:
    """Each turn's time as a share of the other row's in that turn, or of its only one."""
    return [mine / (others[turn] if len(others) == len(seconds) else statistics.median(others)) for turn, mine in enumerate(seconds)]


def spread(values: list[float]) -> str:
    """Median and, of several, the range."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()

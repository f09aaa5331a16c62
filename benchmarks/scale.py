"""A large sweep on a cluster whose trials cost nothing: what the driver takes for it, against limits that are asserted.

    python benchmarks/scale.py                          # 1,000 trials of 20 reports, 16 nodes, 64 GPUs
    python benchmarks/scale.py --trials 100 --nodes 4   # small
    python benchmarks/scale.py --asha                   # as the shipped sweep does: most trials are stopped early

The cluster is simulated on this machine (ray.cluster_utils: each node is a raylet of its own, the GPUs are numbers). Everything else
is real: the sweep `dcgan` with its TPE, ASHA, scoring and finalists, Ray Tune's controller and actors, the spool, the writer into
MLflow's sqlite, the lines that a pipe is told, the report. A trial replays, at once, the curve of benchmarks/recorded/dcgan.parquet that
was recorded nearest to its setting, with all of its signals; each decade between the two raises FID by a fifth, so that there is
something to search. Without --asha the scheduler decides at the end of a trial only, so that every trial has all of its reports.

Director.take and Search.ask are timed from outside, the driver's resident memory is sampled each second. The exit code tells whether
every limit was kept.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scale_trials import CURVES, KIMG, REPORTS, write_curves  # noqa: E402

GPUS = 4  # of a node


@dataclass
class Watch:
    """What is measured of the driver from outside."""

    took: dict[str, list[float]] = field(default_factory=dict)  # seconds of each call, by name
    memory: list[tuple[int, float]] = field(default_factory=list)  # (reports taken, MiB resident)

    def timing(self, owner: Any, name: str) -> None:
        """Time every call of the method."""
        plain, took = getattr(owner, name), self.took.setdefault(f"{owner.__name__}.{name}", [])

        @functools.wraps(plain)
        def timed(*given: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return plain(*given, **more)
            finally:
                took.append(time.perf_counter() - began)

        setattr(owner, name, timed)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample this process's memory each second."""
        over = threading.Event()

        def sample() -> None:
            while not over.wait(1.0):
                self.memory.append((len(self.took["Director.take"]), resident()))

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def percentile(self, name: str, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.took[name])
        return 1000 * ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]

    def slope(self) -> float:
        """KiB by which memory grows with each report of the search's second half, by least squares."""
        reports = max(at for at, _ in self.memory)
        half = [(at, size) for at, size in self.memory if reports / 2 <= at < reports]
        if len({at for at, _ in half}) < 2:
            return 0.0
        mean_at, mean = sum(at for at, _ in half) / len(half), sum(size for _, size in half) / len(half)
        return 1024 * sum((at - mean_at) * (size - mean) for at, size in half) / sum((at - mean_at) ** 2 for at, _ in half)


def resident() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def cluster(nodes: int) -> Iterator[str]:
    """The address of a cluster of so many nodes of four GPUs; its head runs no trials."""
    from ray.cluster_utils import Cluster

    store = 80 * 2**20
    head = {"num_cpus": 0, "object_store_memory": store, "include_dashboard": False}
    running = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            running.add_node(num_cpus=GPUS, num_gpus=GPUS, object_store_memory=store, wait=False)
        running.wait_for_nodes()
        yield running.address
    finally:
        running.shutdown()


def wanted(trials: int, asha: bool, gpu: float) -> Any:
    """The shipped sweep, larger."""
    from gantune.spec import Budget, Resources, load_sweep

    spec = load_sweep("dcgan")
    scheduler = spec.scheduler if asha else replace(spec.scheduler, grace=1.0)
    budget = Budget(trials, KIMG, KIMG / REPORTS)
    return replace(spec, budget=budget, scheduler=scheduler, resources=Resources(cpu=1, gpu=gpu))


@dataclass(frozen=True)
class Row:
    """A line of the table; `limit` None is for information."""

    what: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or self.value <= self.limit


def measure(trials: int, nodes: int, asha: bool, gpu: float, home: Path) -> list[Row]:
    """Run the sweep and its resume, and check what they leave."""
    from gantune import sweep
    from gantune.cli.live import showing
    from gantune.runtime.director import Director
    from gantune.search.search import Search

    folder, watch, spec = home / "dcgan-1", Watch(), wanted(trials, asha, gpu)
    watch.timing(Director, "take")
    watch.timing(Search, "ask")
    watch.timing(sweep, "write_report")
    work = {"opener": "scale_trials:Replayed", "scorer": "scale_trials:score"}
    with cluster(nodes) as address, watch.sampling():
        os.environ["RAY_ADDRESS"] = address
        before, began = resident(), time.monotonic()
        with (home / "driver.log").open("w") as log, redirect_stdout(log), showing("dcgan-1", math.log(2), "fid") as live:
            record = sweep.run_sweep(spec, folder, live=live, **work)
        whole = time.monotonic() - began
        phases = {phase["phase"]: phase["seconds"] for phase in record.phases}
        report = watch.took[f"{sweep.__name__}.write_report"][-1]
        peak = max(size for _, size in watch.memory)
        missing = missing_points(folder, home / "mlflow.db")
        began = time.monotonic()
        again = sweep.resume_sweep(folder, **work)
        resumed = time.monotonic() - began
    assert [(trial.id, trial.state, len(trial.points)) for trial in again.trials] == [
        (trial.id, trial.state, len(trial.points)) for trial in record.trials
    ]
    assert len(record.trials) == trials
    reports = len(watch.took["Director.take"])
    return [
        Row("everything, from the first trial to the report", whole, "s", 600),
        Row("  search", phases["search"], "s"),
        Row("  scoring the better half", phases["score"], "s"),
        Row("  finalists", phases["finalists"], "s"),
        Row("  waiting for MLflow", whole - sum(phases.values()) - report, "s"),
        Row("  report", report, "s", 20),
        Row("points that MLflow lacks, or has too many of", missing, "", 0),
        Row("reports", reports, ""),
        Row("handling a report, median", watch.percentile("Director.take", 0.5), "ms"),
        Row("handling a report, 99th percentile", watch.percentile("Director.take", 0.99), "ms", 20),
        Row("asking for a configuration, median", watch.percentile("Search.ask", 0.5), "ms"),
        Row("asking for a configuration, 99th percentile", watch.percentile("Search.ask", 0.99), "ms", 150),
        Row("driver's memory before", before, "MiB"),
        Row("driver's memory at most", peak, "MiB", 1536),
        Row("  growth with each report, in its second half", watch.slope(), "KiB", 10),
        Row("page", (folder / "report" / "index.html").stat().st_size / 2**20, "MiB"),
        Row("resume of the finished sweep", resumed, "s", 60),
    ]


def missing_points(folder: Path, store: Path) -> int:
    """By how much the points of curves in the store differ from those of the spool, in number, and its runs from what there should be."""
    from gantune.tracking.runs import metrics_of
    from gantune.tracking.spool import read

    points, runs = 0, 1
    for event in read(folder):
        curve = [event["point"]] if event["kind"] == "report" else event["points"] if event["kind"] == "final" else []
        points += sum(len(metrics_of(point, event["t"], 0)) for point in curve)
        runs += event["kind"] in ("trial", "final")
    with sqlite3.connect(store) as base:
        [(stored,)] = base.execute("select count(*) from metrics where key not like 'score_%'")
        [(found,)] = base.execute("select count(*) from runs")
    print(f"  MLflow: {found:,} runs with {stored:,} points; the spool has {runs:,} with {points:,}", flush=True)
    return abs(points - stored) + abs(runs - found)


def main() -> int:
    """Measure, print the table, and say whether the limits were kept."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--trials", type=int, default=1000)
    flags.add_argument("--nodes", type=int, default=16)
    flags.add_argument("--asha", action="store_true")
    flags.add_argument("--gpu", type=float, default=1.0, help="GPUs of a trial: with 4 a quarter as many workers share this machine")
    flags.add_argument("--keep", type=Path, help="leave the runs folder there")
    given = flags.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        home = given.keep or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{home.resolve()}/mlflow.db"
        os.environ[CURVES] = str(Path(temporary) / "curves.json")
        write_curves(Path(os.environ[CURVES]))
        rows = measure(given.trials, given.nodes, given.asha, given.gpu, home)
    print(f"\n{given.trials:,} trials, {given.nodes} nodes of {GPUS} GPUs, {os.cpu_count()} cores (load before {load:.1f})\n")
    print(f"| {'what':52} | {'measured':>12} | {'limit':>10} |\n|{'-' * 54}|{'-' * 13}:|{'-' * 11}:|")
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:,g} {row.unit}".strip()
        print(f"| {row.what:52} | {f'{row.value:,.4g} {row.unit}'.strip():>12} | {limit:>10} |{'' if row.kept else '  <- missed'}")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Real Ray with nodes and GPUs that exist by name alone: what a sweep makes of lost nodes, full GPUs and hopeless errors."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray
from driver import OPENER, SCORER, spec
from ray.cluster_utils import Cluster

from gantune.runtime.live import LiveState
from gantune.spec import Resources, Scheduler
from gantune.sweep import SweepInterrupted, resume_sweep, run_sweep
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import read

pytestmark = pytest.mark.chaos
STORE = 80 * 2**20  # bytes, the least that Ray takes
PROBER = "synthetic:probe"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    """A head without resources; nodes are added by the test."""
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{Path(__file__).parents[2]}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    head = {"num_cpus": 0, "num_gpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def run(folder: Path, wanted: Any, live: LiveState | None = None) -> SweepRecord:
    return run_sweep(wanted, folder, live=live, opener=OPENER, scorer=SCORER, prober=PROBER)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read(folder) if event["kind"] == kind]


def assert_whole(folder: Path, trials: int) -> None:
    """Every trial has one end, and no point is there twice."""
    assert Counter(event["trial"] for event in events(folder, "end")) == {f"{number:04d}": 1 for number in range(trials)}
    assert set(Counter((e["trial"], e["point"]["kimg"]) for e in events(folder, "report")).values()) == {1}


@pytest.mark.timeout(240)
def test_a_probe_picks_the_share_and_a_trial_that_finds_no_memory_takes_more(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHETIC_NEEDS", "0000=0.5")
    monkeypatch.setenv("SYNTHETIC_SECONDS", "0.05")
    cluster.add_node(num_cpus=4, num_gpus=1, object_store_memory=STORE)
    folder, live = tmp_path / "synthetic-1", LiveState("x")
    none = Scheduler("none")  # nothing ends 0000 before it needs its memory
    record = run(folder, replace(spec(5, top=1, seeds=1), resources=Resources(1, "auto"), scheduler=none), live)
    probed, *grown = events(folder, "share")
    assert (probed["gpu"], len(probed["probed"])) == (1 / 4, 2)
    assert "gpu: auto: a trial takes 1/4 of a GPU, as the largest setting took 20.0 of 100.0 GiB" in " ".join(live.picture.notes)
    first = grown[0]
    assert (first["trial"], first["gpu"]) == ("0000", 1 / 2)
    assert first["size"] > 0
    assert [(e["trial"], e["loss"]) for e in events(folder, "requeue")] == [("0000", "gpu_memory")]
    assert_whole(folder, 5)
    assert next(trial for trial in record.trials if trial.id == "0000").reason != "error"
    assert [final.error for final in record.finals] == [None] * len(record.finals), "the canonical run's finalist takes as much"
    before = len(events(folder, "share"))
    resume_sweep(folder, more_trials=1, opener=OPENER, scorer=SCORER, prober="synthetic:no_such_probe")
    assert [event for event in events(folder, "share")[before:] if "probed" in event] == [], "what was probed is known"


def lose(cluster: Cluster, folder: Path, node: Any, before: Callable[[], None], found: list[str]) -> threading.Thread:
    """Remove `node` once two trials have reported."""

    def work() -> None:
        deadline = time.monotonic() + 120
        while len({event["trial"] for event in events(folder, "report")}) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        before()
        cluster.remove_node(node, allow_graceful=False)
        found.append("removed")

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.timeout(240)
@pytest.mark.parametrize("announced", [False, True])
def test_trials_of_a_lost_node_go_on_and_an_announced_loss_does_not_count(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announced: bool
) -> None:
    monkeypatch.setenv("SYNTHETIC_SECONDS", "1")
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(2)]
    folder, found = tmp_path / "synthetic-1", []  # type: ignore[var-annotated]

    def announce() -> None:
        if announced:
            from ray.core.generated import autoscaler_pb2

            reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
            client = ray._raylet.GcsClient(address=cluster.address)
            accepted, why = client.drain_node(nodes[1].node_id, reason, "spot notice", int(time.time() * 1000) + 30_000)
            assert accepted, why

    thread = lose(cluster, folder, nodes[1], announce, found)
    record = run(folder, spec(4, top=0))
    thread.join()
    assert found == ["removed"]
    assert_whole(folder, 4)
    lost = events(folder, "requeue")
    assert lost
    assert {(event["loss"], event["counts"]) for event in lost} == {("preempted", False) if announced else ("node", True)}
    assert str(record.troubles).startswith("1 trial lost its worker once and went on")


def test_errors_alike_stop_the_sweep_with_the_one_error(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=2, object_store_memory=STORE)
    with pytest.raises(SweepInterrupted, match="the first 3 trials all ended with the same error, so the sweep stops: ModuleNotFoundError"):
        run_sweep(spec(50, top=0), tmp_path / "synthetic-1", opener="no_such_module:Opener", scorer=SCORER)
    assert len(events(tmp_path / "synthetic-1", "end")) == 3


def test_workers_that_die_at_once_stop_the_sweep(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHETIC_DIES", "always")
    cluster.add_node(num_cpus=2, object_store_memory=STORE)
    with pytest.raises(SweepInterrupted, match="3 workers in a row died before they reported anything, so the sweep stops: "):
        run(tmp_path / "synthetic-1", spec(50, top=0))
    assert events(tmp_path / "synthetic-1", "end") == []

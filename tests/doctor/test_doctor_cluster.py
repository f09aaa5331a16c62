"""Nodes of a real cluster of Ray on this machine, some of which are not what they should be."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from ray.cluster_utils import Cluster

from gantune.doctor import node, start
from gantune.doctor.check import Check
from gantune.doctor.cluster import examine_cluster
from gantune.doctor.start import check_cluster
from gantune.errors import UserError
from gantune.runtime.nodes import alive, ask
from gantune.runtime.session import session

pytestmark = pytest.mark.slow

TRICKS = """
import importlib.abc, os, sys, time

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "gantune":
            raise ModuleNotFoundError(name)

def hide(event, given):
    if event == "open" and isinstance(given[0], str) and given[0].startswith(os.environ["HIDDEN"]):
        raise FileNotFoundError(2, "No such file or directory")

if os.environ.get("IS_BARE"):
    sys.meta_path.insert(0, Missing())
    now = time.time
    time.time = lambda: now() + 60
if os.environ.get("HIDDEN"):
    sys.addaudithook(hide)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A head; a node without gantune whose clock is ahead; a node that does not see the folder `runs`, nor has the GPUs that it counts."""
    place = tmp_path_factory.mktemp("cluster")
    (place / "tricks").mkdir()
    (place / "tricks" / "sitecustomize.py").write_text(TRICKS)
    path = os.pathsep.join(filter(None, [str(place / "tricks"), os.environ.get("PYTHONPATH")]))
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        made.add_node(num_cpus=1, env_vars={"PYTHONPATH": path, "IS_BARE": "1"})
        blind = made.add_node(num_cpus=1, num_gpus=2, env_vars={"PYTHONPATH": path, "HIDDEN": str(place / "runs")})
        yield SimpleNamespace(address=made.address, runs=place / "runs", blind=blind)
    finally:
        made.shutdown()


def by_node(checks: list[Check]) -> dict[str, dict[str, Check]]:
    """What is wrong, by node and name."""
    found: dict[str, dict[str, Check]] = {}
    for check in checks:
        if check.node:
            wrong = found.setdefault(check.node, {})
            if not check.ok:
                wrong[check.name] = check
    return found


def test_each_node_is_told_what_is_wrong_with_it(cluster: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ray_bootstrap_config.yaml").write_text("provider: {type: aws}\navailable_node_types: {w: {min_workers: 3}}\n")
    checks = examine_cluster(cluster.runs)
    whole = [check for check in checks if not check.node]
    assert [(check.name, check.ok) for check in whole] == [("nodes", False)]
    assert "3 alive; ~/ray_bootstrap_config.yaml wants 4 or more" in whole[0].found
    head, *others = by_node(checks).values()
    assert head == {}
    bare = next(wrong for wrong in others if "gantune" in wrong)
    assert set(bare) == {"gantune", "clock"}
    assert bare["gantune"].found == "gantune is not installed there"
    assert bare["clock"].found == "+60.0 s to this machine's"
    (blind,) = (wrong for wrong in others if wrong is not bare)
    assert set(blind) == {"runs folder", "GPUs"}
    assert f"does not see {cluster.runs}" in blind["runs folder"].found
    assert not cluster.runs.exists()  # it was made for the question only


def test_a_sweep_is_refused_before_it_starts(cluster: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    cluster.runs.mkdir(exist_ok=True)
    with session():
        with pytest.raises(UserError, match="gantune is not installed there"):
            check_cluster(tmp_path)
        monkeypatch.setattr(start, "alive", lambda: [one for one in alive() if one.is_head or one.gpus])
        with pytest.raises(UserError, match=rf"node \S+: does not see {cluster.runs} as this machine does .*\nMount one folder"):
            check_cluster(cluster.runs)
        assert check_cluster(tmp_path) == []


def test_a_node_that_hangs_holds_up_nothing(cluster: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    hung = cluster.blind.all_processes["raylet"][0].process.pid
    with session():
        os.kill(hung, signal.SIGSTOP)
        began = time.monotonic()
        try:
            answers = ask(alive(), node.clock, lambda one: None, seconds=6)
        finally:
            os.kill(hung, signal.SIGCONT)
        assert time.monotonic() - began < 8
        problems = {answer.node.id: answer.problem for answer in answers}
        assert [problem for problem in problems.values() if problem is not None] == ["does not answer within 6 s"]
        assert problems[cluster.blind.node_id] == "does not answer within 6 s"


def test_a_question_that_fails_there_is_a_reason(cluster: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    with session():
        answers = ask(alive(), node.free, lambda one: None, seconds=10)
        assert ray.is_initialized()
    assert all(answer.problem is not None and "TypeError" in answer.problem for answer in answers)

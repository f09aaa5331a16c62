"""What Ray is asked about its nodes, with Ray left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray

from gantune.runtime import cluster_view
from gantune.runtime.cluster_view import is_leaving


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """`draining` nodes, and `gone` ones with the reason."""
    told: dict[str, Any] = {"draining": {}, "gone": {}}

    def client(address: str) -> Any:
        return SimpleNamespace(get_draining_nodes=lambda: told["draining"])

    monkeypatch.setattr(ray._raylet, "GcsClient", client)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address="10.0.0.1:6379"))
    monkeypatch.setattr(ray, "nodes", lambda: [{"NodeID": id, "Alive": False, "DeathReason": why} for id, why in told["gone"].items()])
    return told


def test_a_node_is_leaving_while_it_is_drained_and_was_when_it_is_gone_on_purpose(nodes: dict[str, Any]) -> None:
    assert not is_leaving("a")
    nodes["draining"] = {"a": 1}
    assert is_leaving("a")
    assert not is_leaving("b")
    assert not is_leaving(None), "where a worker was that had not reported yet is not known"
    nodes["draining"], nodes["gone"] = {}, {"a": "AUTOSCALER_DRAIN_PREEMPTED", "b": "UNEXPECTED_TERMINATION"}
    assert [is_leaving(node) for node in ("a", "b", None)] == [True, False, False]


def test_a_head_that_does_not_answer_ends_no_sweep(nodes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> Any:
        raise ray.exceptions.RaySystemError("GCS is gone")

    monkeypatch.setattr(ray, "nodes", silent)
    assert not is_leaving("a")
    assert cluster_view.look() is None

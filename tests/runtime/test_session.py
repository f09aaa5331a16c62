"""The connection to Ray, with Ray left out."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from gantune.errors import UserError
from gantune.runtime import session as module
from gantune.runtime.machines import HEAD, Machine
from gantune.runtime.session import Session, session


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Ray was started with."""
    calls: list[dict[str, Any]] = []

    def init(**given: Any) -> Any:
        calls.append(given)
        return SimpleNamespace(address_info={"session_dir": "/nonexistent/session"})

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address="10.0.0.1:6379"))
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 4.0, HEAD: 1.0}}])
    return calls


@pytest.fixture
def listening() -> Iterator[str]:
    """A HOST:PORT at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_an_error_inside_is_not_taken_for_a_missing_cluster(
    started: list[dict[str, Any]], listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", listening)
    with pytest.raises(ConnectionError, match="MLflow is gone"), session():
        raise ConnectionError("MLflow is gone")


def test_a_cluster_that_does_not_answer_is_named(started: list[dict[str, Any]], listening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**given: Any) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setenv("RAY_ADDRESS", listening)
    with pytest.raises(UserError, match=rf"RAY_ADDRESS={listening}: no Ray cluster answers there \(refused\)"), session():
        pass


def test_where_nothing_listens_ray_is_not_even_asked(
    started: list[dict[str, Any]], listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dead = f"127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", dead)
    with pytest.raises(UserError, match=rf"^RAY_ADDRESS={dead}: no Ray cluster answers there .*refused"), session():
        pass
    assert not started
    for address in (listening, "auto"):
        monkeypatch.setenv("RAY_ADDRESS", address)
        with session():
            pass
    assert [given["address"] for given in started] == [listening, "auto"]


def test_two_users_do_not_share_a_temporary_folder(started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/a" * 40)
    with session(local=True):
        pass
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with session(local=True):
        pass
    one, other = [given["_temp_dir"] for given in started]
    assert one != other


def test_machines_that_the_autoscaler_may_start_count(
    started: list[dict[str, Any]], listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = {"gpu": {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 16}}
    asked: list[str] = []

    def config(gcs: str) -> dict[str, Any]:
        asked.append(gcs)
        return {"max_workers": 16, "available_node_types": types}

    monkeypatch.setattr(module, "autoscaler_config", config)
    monkeypatch.setenv("RAY_ADDRESS", listening)
    with session() as at:
        assert at.machines == (Machine(4, 0),)
        assert (at.cpus, at.gpus) == (132, 16)
        assert at.slots(1, 0.25) == 64
        assert str(at) == "the Ray cluster at 10.0.0.1:6379 (4 CPUs, no GPU; it may grow to 132 CPUs, 16 GPUs)"
    assert asked == ["10.0.0.1:6379"]


def test_without_an_autoscaler_only_what_is_there_counts(started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(module, "autoscaler_config", lambda gcs: pytest.fail("a Ray of this machine's own has none"))
    with session() as at:
        assert at == Session(None, (Machine(4, 0),))
        assert str(at) == "this machine (4 CPUs, no GPU)"
        with pytest.raises(UserError, match="a trial asks for 1 CPU and 1 GPU, this machine has 4 CPU and 0 GPU"):
            at.slots(1, 1)

"""The connection to Ray, with Ray left out."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from gantune.errors import UserError
from gantune.runtime.session import session


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Ray was started with."""
    calls: list[dict[str, Any]] = []

    def init(**given: Any) -> Any:
        calls.append(given)
        return SimpleNamespace(address_info={"session_dir": "/nonexistent/session"})

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0})
    return calls


def test_an_error_inside_is_not_taken_for_a_missing_cluster(started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(ConnectionError, match="MLflow is gone"), session():
        raise ConnectionError("MLflow is gone")


def test_a_cluster_that_does_not_answer_is_named(started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**given: Any) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(UserError, match=r"RAY_ADDRESS=10\.0\.0\.1:6379: no Ray cluster answers there \(refused\)"), session():
        pass


def test_two_users_do_not_share_a_temporary_folder(started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/a" * 40)
    with session(local=True):
        pass
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with session(local=True):
        pass
    one, other = [given["_temp_dir"] for given in started]
    assert one != other

"""How the writer is started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gantune.runtime import follower as follower_module
from gantune.runtime.follower import NICE, Follower
from gantune.runtime.stopping import Halt
from gantune.tracking.cursor import Cursor


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that does nothing, and never ends by itself."""
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **given: start([sys.executable, "-c", "import time; time.sleep(60)"], **given))


def test_the_driver_waits_for_a_writer_as_long_as_something_arrives(tmp_path: Path, idle: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "PATIENCE", 0.3)
    monkeypatch.setattr(follower_module, "POLL", 0.02)
    asked: list[float] = []

    def poll() -> None:
        asked.append(time.monotonic())
        if len(asked) <= 30:
            Cursor("uri", 0.0, offset=len(asked)).save(tmp_path)

    follower = Follower(tmp_path)
    try:
        assert "MLflow is behind: `gantune sync" in str(follower.drain(poll))
    finally:
        follower.end()
    assert asked[29] - asked[0] > 0.3, "longer than its patience with one that stands still"
    assert asked[-1] - asked[29] < 5


def test_the_wait_for_a_writer_can_be_broken_off(tmp_path: Path, idle: None) -> None:
    def poll() -> None:
        raise Halt("SIGTERM")

    follower = Follower(tmp_path)
    try:
        with pytest.raises(Halt):
            follower.drain(poll)
    finally:
        follower.end()


def test_the_writer_gives_way_to_trials_without_code_between_fork_and_exec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def popen(command: list[str], **given: Any) -> Any:
        assert "preexec_fn" not in given
        at = command.index(sys.executable)
        return start([*command[: at + 1], "-c", "import time; time.sleep(60)"], **given)

    monkeypatch.setattr(subprocess, "Popen", popen)
    follower = Follower(tmp_path)
    try:
        until = time.monotonic() + 10
        while os.getpriority(os.PRIO_PROCESS, follower._process.pid) != NICE:
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        follower.end()

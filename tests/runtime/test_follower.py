"""How the writer is started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gantune.runtime.follower import NICE, Follower


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

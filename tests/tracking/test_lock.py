from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gantune.errors import UserError
from gantune.tracking.lock import driver_lock, driver_of

HOLD = """
import pathlib, sys
from gantune.tracking.lock import driver_lock
with driver_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_driver_is_refused_with_pid_and_host_of_the_first(tmp_path: Path) -> None:
    assert driver_of(tmp_path) is None
    with driver_lock(tmp_path):
        holder = driver_of(tmp_path)
        assert holder is not None
        assert holder["pid"] == os.getpid()
        with pytest.raises(UserError, match=rf"is being run by process {os.getpid()} on "), driver_lock(tmp_path):
            pass
    assert driver_of(tmp_path) is None
    with driver_lock(tmp_path):
        pass


def test_a_killed_driver_leaves_no_lock(tmp_path: Path) -> None:
    driver = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert driver.stdin is not None
    assert driver.stdout is not None
    with driver.stdin, driver.stdout:
        assert driver.stdout.readline() == b"held\n"
        assert (driver_of(tmp_path) or {})["pid"] == driver.pid
        driver.kill()
        driver.wait()
    assert driver_of(tmp_path) is None

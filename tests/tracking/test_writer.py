"""The writer as the driver starts it: a process that follows a live spool, and that may be killed at any moment."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow_stores import assert_whole, runs_of, uri_of
from recorded_sweeps import end_trial, new_sweep, point, start_trial

from gantune.tracking.cursor import CURSOR, load_cursor, load_state
from gantune.tracking.lock import driver_lock
from gantune.tracking.spool import Spool
from gantune.tracking.sync import sync


@contextlib.contextmanager
def writer(folder: Path, parent: int, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A writer process; killed at the end, should it still be there."""
    command = [sys.executable, "-m", "gantune.tracking.writer", str(folder), "--parent", str(parent), *more]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(["." if path == "" else path for path in sys.path])}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def wait_for(condition: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def add_trials(spool: Spool, numbers: range, reports: int = 20) -> None:
    for number in numbers:
        trial = start_trial(spool, number)
        for index in range(1, reports + 1):
            spool.append("report", trial=trial, point=point(4.0 * index, 100.0 - index))
        end_trial(spool, trial, 100.0 - reports, 4.0 * reports)


def drive(spool: Spool) -> None:
    spool.append("driver", segment=0, pid=os.getpid(), host="here", slots=2, versions={})


def test_the_writer_follows_a_live_sweep_and_ends_when_all_is_done(runs: Path) -> None:
    folder = new_sweep(runs)
    with driver_lock(folder), Spool(folder) as spool:
        drive(spool)
        with writer(folder, os.getpid()) as process:
            add_trials(spool, range(2))
            wait_for(lambda: (cursor := load_cursor(folder)) and cursor.offset == spool._end)
            add_trials(spool, range(2, 3))
            process.send_signal(signal.SIGINT)  # Ctrl-C reaches the whole process group
            spool.append("phase", phase="done", seconds=0.0)
            assert process.wait(30) == 0
    assert_whole(folder, uri_of(runs))
    assert runs_of(uri_of(runs))["sweep"][0].info.status == "FINISHED"


def test_a_writer_killed_in_the_middle_leaves_every_point_once_after_a_sync(runs: Path) -> None:
    folder = new_sweep(runs)
    with Spool(folder) as spool:
        drive(spool)
        add_trials(spool, range(60), reports=40)
    for reached in (5, 20):
        with writer(folder, os.getpid()) as process:
            wait_for(lambda reached=reached: len(_begun(runs)) >= reached)
            process.kill()
        assert len(_begun(runs)) < 61, "it was killed too late to show anything"
    sync(folder)
    assert_whole(folder, uri_of(runs))


def _begun(runs: Path) -> list[str]:
    """Ids of the runs that the store has by now."""
    try:
        return list(runs_of(uri_of(runs)))
    except AttributeError:  # not even the experiment
        return []


def test_the_writer_ends_with_a_driver_that_was_killed_and_closes_its_runs(runs: Path) -> None:
    folder = new_sweep(runs)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as driver:
        with Spool(folder) as spool:
            spool.append("driver", segment=0, pid=driver.pid, host="here", slots=2, versions={})
            spool.append("report", trial=start_trial(spool, 0), point=point(4, 50.0))
        with writer(folder, driver.pid) as process:
            wait_for((folder / CURSOR).exists)
            assert process.poll() is None
            driver.kill()
            driver.wait()
            assert process.wait(30) == 0
    assert_whole(folder, uri_of(runs))
    found = runs_of(uri_of(runs))
    assert (found["0000"][0].info.status, found["sweep"][0].info.status) == ("KILLED", "KILLED")


def test_with_the_server_down_the_writer_says_so_and_gives_up_when_the_sweep_ends(runs: Path) -> None:
    folder = new_sweep(runs)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as driver:
        with Spool(folder) as spool:
            drive(spool)
        with writer(folder, driver.pid, "--uri", "http://127.0.0.1:9") as process:
            wait_for(lambda: (state := load_state(folder)) and state.state == "unreachable")
            assert process.poll() is None
            driver.kill()
            driver.wait()
            assert process.wait(30) == 1
    assert sync(folder).runs == 1


@pytest.mark.slow
def test_a_writer_killed_while_it_makes_the_data_base_leaves_none_behind(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    folder = new_sweep(runs)
    with Spool(folder) as spool:
        drive(spool)
        add_trials(spool, range(1))
    for seconds in (0.0, 1.0):
        with writer(folder, os.getpid()) as process:
            wait_for(lambda: (made := runs / ".mlflow.db.new").exists() and made.stat().st_size > 0)
            time.sleep(seconds)
            assert not (runs / "mlflow.db").exists(), "it was killed too late to show anything"
            process.kill()
    sync(folder)
    assert_whole(folder, uri_of(runs))


@pytest.mark.slow
def test_a_server_that_comes_back_gets_everything(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uri, folder = f"http://127.0.0.1:{port}", new_sweep(tmp_path / "runs")
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", uri_of(tmp_path), "--artifacts-destination", str(tmp_path / "artifacts")]
    with driver_lock(folder), Spool(folder) as spool, writer(folder, os.getpid(), "--uri", uri) as process:
        drive(spool)
        add_trials(spool, range(3))
        (folder / "trials" / "0000").mkdir(parents=True)
        (folder / "trials" / "0000" / "best.pt").write_text("weights")
        wait_for(lambda: (state := load_state(folder)) and state.state == "unreachable")
        server = subprocess.Popen([*command, *store], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_for(lambda: (state := load_state(folder)) and state.state == "ok", 180)
            spool.append("phase", phase="done", seconds=0.0)
            assert process.wait(60) == 0
            assert_whole(folder, uri)
            assert [path.name for path in tmp_path.glob("artifacts/**/checkpoints/*")] == ["best.pt"]
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)

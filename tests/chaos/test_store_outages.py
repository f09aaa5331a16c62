"""MLflow gone in the middle of a sweep, in three ways: training goes on, `tracking.json` says why, and in the end the store is whole."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from accounts import Counts, assert_accounted, stored, wait_until
from mlflow_stores import uri_of
from postgres import PG_CTL, postgres
from processes import DriverProcess

from gantune.tracking.cursor import load_state

OUTAGE, LONG_OUTAGE = 15.0, 120.0  # seconds; the writer looks again after 1.4, 2.8, 5.6, ... and in the end every twenty seconds
TRIALS, LONG_SWEEP = "24", "50"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def server(port: int, store: str, artifacts: Path) -> Iterator[None]:
    """An MLflow server that answers."""
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store, "--artifacts-destination", str(artifacts)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(lambda: answers(port), 180)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def answers(port: int) -> bool:
    with contextlib.suppress(URLError, ConnectionError, TimeoutError), urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
        return True
    return False


def state(folder: Path) -> str:
    found = load_state(folder)
    return "" if found is None else found.state


def why(folder: Path) -> str:
    found = load_state(folder)
    return "" if found is None else str(found.last_error)


def assert_trained_on(folder: Path, before: Counts, after: Counts) -> None:
    assert after.ended > before.ended + 1, f"the trials waited for MLflow: {before}, then {after}"


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_its_server_is_killed_and_comes_back(folder: Path, start: Callable[..., DriverProcess]) -> None:
    port, artifacts = free_port(), folder.parent / "artifacts"
    uri = f"http://127.0.0.1:{port}"
    with server(port, uri_of(folder.parent), artifacts):
        driver = start(folder, "--trials", LONG_SWEEP, seconds=3.5, MLFLOW_TRACKING_URI=uri)
        driver.wait_for(3, "end")
        wait_until(lambda: stored(uri_of(folder.parent)) > 0)
    before = Counts.of(folder)
    wait_until(lambda: state(folder) == "unreachable")
    assert why(folder) == "Connection refused"
    time.sleep(LONG_OUTAGE)
    assert_trained_on(folder, before, Counts.of(folder))
    assert Counts.of(folder).ended < int(LONG_SWEEP), "it comes back in the middle"
    with server(port, uri_of(folder.parent), artifacts):
        wait_until(lambda: state(folder) == "ok", 120)
        assert "MLflow is behind" not in driver.finish(300)
        assert_accounted(folder, uri, before, int(LONG_SWEEP))


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_its_data_base_is_locked_by_another_program(folder: Path, start: Callable[..., DriverProcess]) -> None:
    hold = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"
    driver = start(folder, "--trials", TRIALS, seconds=2.5)
    driver.wait_for(3, "end")
    wait_until(lambda: stored(uri_of(folder.parent)) > 0)
    command = [sys.executable, "-c", hold, str(folder.parent / "mlflow.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        before = Counts.of(folder)
        wait_until(lambda: state(folder) == "unreachable", 120)
        assert why(folder) == "database is locked"
        time.sleep(OUTAGE)
        assert_trained_on(folder, before, Counts.of(folder))
        other.communicate("")
    wait_until(lambda: state(folder) == "ok", 120)
    assert "MLflow is behind" not in driver.finish(300)
    assert_accounted(folder, uri_of(folder.parent), before, int(TRIALS))


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.skipif(PG_CTL is None, reason="needs PostgreSQL's server (Debian's postgresql)")
@pytest.mark.parametrize("through_a_server", [True, False], ids=["through a server", "straight"])
def test_its_postgresql_is_restarted(folder: Path, start: Callable[..., DriverProcess], through_a_server: bool) -> None:
    pytest.importorskip("psycopg2", reason="needs gantune's extra `cluster`")
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(postgres(free_port()))
        uri = base.uri
        if through_a_server:
            port = free_port()
            stack.enter_context(server(port, base.uri, folder.parent / "artifacts"))
            uri = f"http://127.0.0.1:{port}"
        driver = start(folder, "--trials", TRIALS, seconds=2.5, MLFLOW_TRACKING_URI=uri)
        driver.wait_for(3, "end")
        wait_until(lambda: state(folder) == "ok", 120)  # only then the store has its tables
        wait_until(lambda: stored(uri) > 0, 120)
        base.crash()
        before = Counts.of(folder)
        wait_until(lambda: state(folder) == "unreachable", 120)
        time.sleep(OUTAGE)
        assert_trained_on(folder, before, Counts.of(folder))
        base.start()
        wait_until(lambda: state(folder) == "ok", 120)
        assert "MLflow is behind" not in driver.finish(300)
        assert_accounted(folder, uri, before, int(TRIALS))
        assert not (folder.parent / "mlruns").exists()

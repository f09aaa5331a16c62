"""The servers of `gantune ui`, played by small commands."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gantune import ui
from gantune.errors import UserError

SLEEP = "import time; time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1]) - 1  # the dashboard takes the next


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep with a study, and a store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mlflow.db").touch()
    folder = tmp_path / "dcgan-1"
    folder.mkdir()
    (folder / "optuna.journal").touch()
    return folder


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on; the next one is free as far as can be told."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what would have been started."""
    names: list[str] = []
    monkeypatch.setattr(ui, "run_all", lambda commands, say: names.extend(commands))
    return names


def test_a_chatty_server_is_not_held_up_and_its_last_word_is_told() -> None:
    chatty = "import sys\nfor _ in range(3000): print('x' * 100, file=sys.stderr)\nsys.exit('no such store')"
    with pytest.raises(UserError, match="chatty ended with code 1: no such store"):
        ui.run_all({"chatty": python(chatty), "other": python(SLEEP)}, print)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both(tmp_path: Path, number: signal.Signals) -> None:
    stub = [sys.executable, "-c", f"import os, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); {SLEEP}"]
    files = [tmp_path / "a", tmp_path / "b"]

    def end() -> None:
        deadline = time.monotonic() + 20
        while not all(file.is_file() and file.read_text() for file in files) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    threading.Thread(target=end).start()
    ui.run_all({file.name: [*stub, str(file)] for file in files}, lambda line: None)
    assert not any(is_alive(int(file.read_text())) for file in files)
    assert signal.getsignal(number) is before


def test_a_second_command_that_cannot_start_leaves_no_first(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = subprocess.Popen, []

    def keeping(*given: object, **options: object) -> subprocess.Popen[bytes]:
        made.append(real(*given, **options))  # type: ignore[call-overload]
        return made[-1]

    monkeypatch.setattr(subprocess, "Popen", keeping)
    with pytest.raises(FileNotFoundError):
        ui.run_all({"first": python(SLEEP), "second": ["/nowhere/at/all"]}, print)
    assert made[0].returncode is not None


@pytest.mark.skipif(sys.platform != "linux", reason="heads are Linux")
def test_who_comes_back_ends_what_a_broken_connection_has_left_and_nobody_else(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with subprocess.Popen(python(SLEEP)) as left:
        note.write_text(f"{left.pid} 123")  # the number of one that has ended, and another's by now
        ui.end_predecessor(note)
        assert left.poll() is None
        note.write_text(f"{left.pid} {ui._began(left.pid)}")
        ui.end_predecessor(note)
        assert left.wait(1) == -signal.SIGTERM
    assert note.read_text() == f"{os.getpid()} {ui._began(os.getpid())}"


def test_a_missing_dashboard_is_named(sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match="pip install optuna-dashboard"):
        ui.serve(sweep.parent, sweep, host="127.0.0.1", port=5000, say=print)
    assert started == []


def test_only_ports_that_are_used_are_checked(sweep: Path, taken: int, monkeypatch: pytest.MonkeyPatch, started: list[str]) -> None:
    (sweep / "optuna-dashboard").touch()
    monkeypatch.setattr(sys, "executable", str(sweep / "python"))
    with pytest.raises(UserError, match=f"port {taken} on 127.0.0.1 cannot be used"):
        ui.serve(sweep.parent, sweep, host="127.0.0.1", port=taken, say=print)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    ui.serve(sweep.parent, sweep, host="127.0.0.1", port=taken, say=print)
    assert started == ["optuna-dashboard"]


def test_a_tracking_server_is_named_as_it_is_reached(sweep: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]) -> None:
    (sweep / "optuna-dashboard").touch()
    monkeypatch.setattr(sys, "executable", str(sweep / "python"))
    here, elsewhere = "http://127.0.0.2:5077", "https://me:secret@mlflow.example.com/a"
    for uri, forwarded, seen in (
        (here, False, here),
        (here, True, "http://localhost:5077"),
        (elsewhere, False, "https://mlflow.example.com/a"),
        (elsewhere, True, "https://mlflow.example.com/a"),
        ("http://192.0.2.1:5000", True, "http://192.0.2.1:5000"),
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        said: list[str] = []
        port = free_port()
        ui.serve(sweep.parent, sweep, host="127.0.0.1", port=port, say=said.append, forwarded=forwarded)
        assert (sweep.parent / f".gantune-ui-{port}").exists() == forwarded, "for who comes back after a broken connection"
        assert f"MLflow: {seen}  (MLFLOW_TRACKING_URI)" in said

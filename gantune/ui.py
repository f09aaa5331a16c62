"""Serves what there is to browse: MLflow on the runs folder's store and optuna-dashboard on a sweep's study, on loopback by default."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from gantune.errors import UserError
from gantune.servers import port_here, shown

ENDS_WITHIN = 10.0  # seconds for a server that was told to end
NOTE = re.compile(r"(\d+) (\d+)")  # a process's number, and when it began


def serve(runs: Path, sweep: Path, *, host: str, port: int, say: Callable[[str], None], forwarded: bool = False) -> None:
    """Run both servers until Ctrl-C, SIGTERM, or until one of them ends. `UserError` when a port is taken, or there is nothing to serve
    or to serve it with. With `forwarded` the person sits elsewhere and reaches this machine's ports at their own localhost."""
    if forwarded:
        end_predecessor(Path.home() / f".gantune-ui-{port}")
    commands = {"optuna-dashboard": _dashboard(sweep, host, port + 1)}
    where = [f"Optuna: http://{host}:{port + 1}  ({sweep.name})"]
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    if tracking.startswith("http"):
        where.append(f"MLflow: {_forwarded(tracking) if forwarded else shown(tracking)}  (MLFLOW_TRACKING_URI)")
    else:
        commands["MLflow"] = _mlflow(runs, tracking, host, port)
        where.append(f"MLflow: http://{host}:{port}")
        check_free(host, port)
    check_free(host, port + 1)
    for line in [*where, "Ctrl-C ends both."]:
        say(line)
    run_all(commands, say)


def _forwarded(tracking: str) -> str:
    """A server's address as seen from elsewhere: of one on this machine through a forwarded port, which its list of allowed hosts should
    have."""
    port = port_here(tracking)
    return shown(tracking) if port is None else urlsplit(tracking)._replace(netloc=f"localhost:{port}").geturl()


def end_predecessor(note: Path) -> None:
    """End the process that has left its number in `note`, and leave ours: where a connection breaks, Docker tells nobody in the container,
    and the ports would stay taken."""
    written = NOTE.fullmatch(note.read_text()) if note.is_file() else None
    if written is not None:
        pid, began = int(written[1]), written[2]
        deadline = time.monotonic() + ENDS_WITHIN
        with contextlib.suppress(ProcessLookupError):  # it ends at this moment
            while _began(pid) == began and time.monotonic() < deadline:
                os.kill(pid, signal.SIGTERM)
                time.sleep(0.1)
    note.write_text(f"{os.getpid()} {_began(os.getpid())}")


def _began(pid: int) -> str | None:
    """When a process began, in ticks since the machine's start: its number may be another one's by now. None when it has ended."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else fields[18]


def run_all(commands: Mapping[str, list[str]], say: Callable[[str], None]) -> None:
    """Run `commands` until Ctrl-C or SIGTERM, which end them all. `UserError` with its last word when one ends by itself."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory() as folder, _terminable():
        logs = {name: Path(folder, f"{number}.log") for number, name in enumerate(commands)}  # a pipe that nobody reads would block
        try:
            for name, command in commands.items():
                with logs[name].open("wb") as log:
                    processes[name] = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                    )
            while all(process.poll() is None for process in processes.values()):
                time.sleep(0.2)
            name, process = next((name, process) for name, process in processes.items() if process.poll() is not None)
            said = logs[name].read_text(errors="replace").strip().splitlines()
            raise UserError(f"{name} ended with code {process.returncode}: {said[-1] if said else 'it said nothing'}")
        except KeyboardInterrupt:
            say("")
        finally:
            _end(list(processes.values()))


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, and the loss of the terminal, as Ctrl-C, so that the servers, which are in sessions of their own, do not outlive us."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """End each with its workers."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _mlflow(runs: Path, tracking: str, host: str, port: int) -> list[str]:
    store = runs.resolve() / "mlflow.db"
    if not tracking and not store.is_file():
        raise UserError(f"there is no MLflow store in {runs} yet; `gantune sync` writes it from the sweeps' own records.")
    uri = tracking or f"sqlite:///{store}"
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", host, "--port", str(port), "--workers", "1"]


def _dashboard(sweep: Path, host: str, port: int) -> list[str]:
    journal = sweep / "optuna.journal"
    if not journal.is_file():
        raise UserError(f"sweep {sweep.name} has no Optuna study yet.")
    program = Path(sys.executable).with_name("optuna-dashboard")
    if not program.is_file():
        raise UserError("optuna-dashboard is not installed beside this Python. Install it: pip install optuna-dashboard")
    return [str(program), str(journal), "--host", host, "--port", str(port)]


def check_free(host: str, port: int, mend: str = "Give another with --port.") -> None:
    """`UserError` when something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(f"port {port} on {host} cannot be used ({error.strerror}). {mend}") from None

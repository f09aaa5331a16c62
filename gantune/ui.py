"""Serves what there is to browse: MLflow on the runs folder's store and optuna-dashboard on a sweep's study, on loopback by default."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gantune.errors import UserError


def serve(runs: Path, sweep: Path, *, host: str, port: int, say: Callable[[str], None]) -> None:
    """Run both servers until Ctrl-C or until one of them ends. `UserError` when a port is taken or there is nothing to serve."""
    for wanted in (port, port + 1):
        _check_free(host, wanted)
    commands = {"optuna-dashboard": _dashboard(sweep, host, port + 1)}
    say(f"Optuna: http://{host}:{port + 1}  ({sweep.name})")
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    if tracking.startswith("http"):
        say(f"MLflow: {tracking}  (MLFLOW_TRACKING_URI)")
    else:
        commands["MLflow"] = _mlflow(runs, tracking, host, port)
        say(f"MLflow: http://{host}:{port}")
    say("Ctrl-C ends both.")
    processes = {
        name: subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        for name, command in commands.items()
    }
    try:
        while all(process.poll() is None for process in processes.values()):
            time.sleep(0.5)
        for name, process in processes.items():
            if process.poll() is not None:
                said = (process.stderr.read() if process.stderr else b"").decode(errors="replace").strip().splitlines()
                raise UserError(f"{name} ended with code {process.returncode}: {said[-1] if said else 'it said nothing'}")
    except KeyboardInterrupt:
        say("")
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(10)


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
    return [str(program), str(journal), "--host", host, "--port", str(port)]


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(f"port {port} on {host} cannot be used ({error.strerror}). Give another with --port.") from None

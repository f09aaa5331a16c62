"""Drivers as processes of their own: started, watched through their spool, killed, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class DriverProcess:
    """`driver.py` on a folder, or another `command` that drives it, in its own process group."""

    def __init__(
        self, folder: Path, *flags: str, seconds: float = 0.1, command: list[str] | None = None, cwd: Path | None = None, **env: str
    ) -> None:
        self.folder = folder
        path = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
        store = f"sqlite:///{(cwd or folder.parent) / 'mlflow.db'}"
        environment = os.environ | {"PYTHONPATH": path, "SYNTHETIC_SECONDS": str(seconds), "MLFLOW_TRACKING_URI": store} | env
        command = command or [sys.executable, str(HERE / "driver.py"), str(folder), *flags]
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd or folder.parent,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._seen: set[tuple[int, str]] = set()

    def wait_for(self, count: int, kind: str | None = None, timeout: float = 120) -> None:
        """Until the spool holds `count` events (of a kind)."""
        deadline = time.monotonic() + timeout
        while len([e for e in events(self.folder) if kind is None or e["kind"] == kind]) < count:
            self.look()
            if self.process.poll() is not None:
                assert self.process.stdout is not None
                raise AssertionError(f"the driver ended with {self.process.returncode}: {self.process.stdout.read()}")
            assert time.monotonic() < deadline, f"{count} events did not come in time"
            time.sleep(0.02)

    def look(self) -> None:
        """Note all of the driver's descendants."""
        table = processes()
        family = {self.process.pid}
        while True:
            more = {pid for pid, (parent, _) in table.items() if parent in family} - family
            if not more:
                break
            family |= more
        self._seen |= {(pid, table[pid][1]) for pid in family - {self.process.pid} if pid in table}

    def kill_group(self) -> None:
        """kill -9 of the driver and of whatever is in its process group."""
        self.look()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def finish(self, timeout: float = 180) -> str:
        """Its output, once it has ended well."""
        while self.process.poll() is None:
            self.look()
            timeout -= 0.2
            assert timeout > 0, "the driver did not end"
            time.sleep(0.2)
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        assert self.process.returncode == 0, output
        return output

    def leftovers(self, patience: float = 30) -> set[int]:
        """Descendants that outlive the driver."""
        deadline = time.monotonic() + patience
        while self._alive() and time.monotonic() < deadline:
            time.sleep(0.2)
        return self._alive()

    def clean_up(self) -> None:
        """End what a failed test left."""
        self.look()
        for pid in [*self._alive(), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _alive(self) -> set[int]:
        table = processes()
        return {pid for pid, born in self._seen if pid in table and table[pid][1] == born}


def processes() -> dict[int, tuple[int, str]]:
    """(parent, time of birth) of every process that is no zombie."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] != "Z":
                table[int(entry.name)] = int(fields[1]), fields[19]
    return table


def events(folder: Path) -> list[dict[str, Any]]:
    """Whole lines of the spool."""
    try:
        lines = (folder / "spool.jsonl").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def opened(folder: Path) -> list[str]:
    """Ids of the trials in the order in which they were opened."""
    return (folder / "opened.log").read_text().split()

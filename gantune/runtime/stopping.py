"""How a running sweep is told to stop: signals, and a file that `gantune stop` leaves in its folder."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gantune.errors import UserError
from gantune.tracking.lock import held

FILE, LOCK = "stop.json", ".stop.lock"
WAIT_SECONDS = 5.0


class Halt(BaseException):
    """Leave the driver's loop at once. Not an Exception, so that no library on the way takes it for a failure of a trial."""


class NoUse(Halt):
    """Nobody asked for it: to go on would be in vain."""


class StopRequests:
    """`sweep`: why the whole sweep shall stop, or None; `trials`: the trials that the user no longer wants."""

    def __init__(self, folder: Path, every: float = 0.5) -> None:
        self.sweep: str | None = None
        self.trials: set[str] = set()
        self._file = folder / FILE
        self._every = every
        self._looked = -every
        with held(folder / LOCK, seconds=WAIT_SECONDS):
            self.trials |= set(read_requests(self._file)["trials"])  # told an earlier driver, which may not have come to it
            if self.trials:
                _write(self._file, {"sweep": False, "trials": sorted(self.trials)})  # that all shall stop is done with
            else:
                self._file.unlink(missing_ok=True)

    def poll(self) -> None:
        """Look for requests, at most twice a second. Raises `Halt` when the whole sweep shall stop."""
        now = time.monotonic()
        if now - self._looked >= self._every:
            self._looked = now
            asked = read_requests(self._file)
            self.trials |= set(asked["trials"])
            if asked["sweep"] and self.sweep is None:
                self.sweep = "gantune stop"
        if self.sweep is not None:
            raise Halt(self.sweep)

    def wants_end(self, trial: str) -> bool:
        """Whether the user no longer wants `trial`, as of this moment."""
        self.trials |= set(read_requests(self._file)["trials"])
        return trial in self.trials

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take Ctrl-C and SIGTERM as requests to stop; a second Ctrl-C is an ordinary one. Only the main thread can listen."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def on_signal(number: int, frame: Any) -> None:
            self.sweep = signal.Signals(number).name
            signal.signal(signal.SIGINT, signal.default_int_handler)

        try:
            for number in before:
                signal.signal(number, on_signal)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def request_stop(folder: Path, trial: str | None = None) -> None:
    """Ask the sweep's driver to end `trial`, or everything."""
    path = folder / FILE
    with held(folder / LOCK, seconds=WAIT_SECONDS) as mine:
        if not mine:
            raise UserError(f"{folder.name}: another request to stop is being written. Try again.")
        asked = read_requests(path)
        if trial is None:
            asked["sweep"] = True
        else:
            asked["trials"] = sorted({*asked["trials"], trial})
        _write(path, asked)


def _write(path: Path, asked: dict[str, Any]) -> None:
    partial = path.with_name(f".{FILE}.{os.getpid()}")
    partial.write_text(json.dumps(asked))
    os.replace(partial, path)


def read_requests(path: Path) -> dict[str, Any]:
    """What has been asked so far."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):  # ValueError: what a power cut has left of the file
        return {"sweep": False, "trials": []}
    return {"sweep": bool(content.get("sweep")), "trials": list(content.get("trials", []))}

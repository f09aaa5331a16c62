"""The process that carries a sweep's spool into MLflow while the sweep runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gantune.runtime.stopping import Halt
from gantune.tracking.cursor import load_cursor

NICE = 19  # trials come first: Ray runs its workers at 15, and the writer has the sweep's end to catch up
PATIENCE, POLL = 60.0, 0.2  # seconds in which nothing arrives, after the sweep's end; between two looks


class Follower:
    """A running writer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Set by a program, since code between fork and exec could deadlock beside Ray's threads.
        command = ["nice", "-n", str(NICE), sys.executable, "-m", "gantune.tracking.writer", str(folder), "--parent", str(os.getpid())]
        with open(folder / "mlflow-writer.log", "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def drain(self, poll: Callable[[], None] = lambda: None) -> str | None:
        """Wait for everything to arrive, as long as something does; one line for the user when not all of it has. `poll` is called
        meanwhile, and may raise."""
        code, sent, until = None, -1, 0.0
        while code is None:
            poll()
            before, sent = sent, self._sent
            until = time.monotonic() + PATIENCE if sent > before else until
            if time.monotonic() >= until:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(POLL)
        return (
            None
            if code == 0
            else f"MLflow is behind: `gantune sync {self.folder.name}` brings it up to date (see {self.folder}/mlflow-writer.log)."
        )

    @property
    def _sent(self) -> int:
        """Bytes of the spool that have arrived."""
        cursor = load_cursor(self.folder)
        return 0 if cursor is None else cursor.offset

    def end(self) -> None:
        """Leave no process behind."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextlib.contextmanager
def following(folder: Path) -> Iterator[Follower]:
    """A writer for as long as the context lasts; after an orderly stop it sends what is left and ends by itself, after this process."""
    follower = Follower(folder)
    try:
        yield follower
    except Halt:
        raise
    except BaseException:
        follower.end()
        raise
    else:
        follower.end()

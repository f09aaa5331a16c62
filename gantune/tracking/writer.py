"""The process that follows a live spool into MLflow, so that training never waits for it.

Run as `python -m gantune.tracking.writer FOLDER --parent PID`. It ends when that driver is done or gone, after sending what is there.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from gantune.tracking.cursor import tracking_uri
from gantune.tracking.lock import held
from gantune.tracking.replay import LOCK, Replay
from gantune.tracking.tracker import Unreachable

POLL, SLOWEST = 0.7, 20.0  # seconds between two looks; between two tries at a store that is gone, well below a driver's patience
PREDECESSOR = 600.0  # seconds for the writer of an earlier driver to end


def follow(folder: Path, uri: str, parent: int, alive: Callable[[], bool]) -> int:
    """Replay until the driver `parent` is done or gone. 0 when the store has everything."""
    with held(folder / LOCK, seconds=PREDECESSOR) as mine:
        if not mine:
            return 1
        replay, pause = Replay(folder, uri), POLL
        while True:
            last = not alive()
            try:
                replay.advance()
                pause, current = POLL, True
            except Unreachable as error:
                replay.failed(error)
                pause, current = min(SLOWEST, 2 * pause), False
            if current and replay.done_by(parent):
                return 0
            if last:
                return _leave(replay) if current else 1
            _sleep(pause, alive)


def _leave(replay: Replay) -> int:
    try:
        replay.close_abandoned()
    except Unreachable as error:
        replay.failed(error)
        return 1
    return 0


def _sleep(seconds: float, alive: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and alive():
        time.sleep(min(POLL, max(0.0, until - time.monotonic())))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m gantune.tracking.writer", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parent", type=int, required=True, help="pid of the driver")
    parser.add_argument("--uri", help="tracking URI; default: MLFLOW_TRACKING_URI, else the data base in the runs folder")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver; what it wrote is still to be sent
    is_child = os.getppid() == given.parent
    alive = (lambda: os.getppid() == given.parent) if is_child else (lambda: _is_alive(given.parent))
    return follow(given.folder, given.uri or tracking_uri(given.folder.parent), given.parent, alive)


if __name__ == "__main__":
    raise SystemExit(main())

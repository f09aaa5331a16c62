"""One driver at a time on a sweep: a lock that the operating system releases when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gantune.errors import UserError

DRIVER = "driver.lock"
TRIES, PAUSE = 20, 0.05  # a reader that looks at the lock holds it for an instant


@contextlib.contextmanager
def driver_lock(folder: Path) -> Iterator[None]:
    """Drive the sweep in `folder`. `UserError` that names process and host when another driver does."""
    file = os.open(folder / DRIVER, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _acquire(file, TRIES):
            holder = _content(file)
            who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
            raise UserError(
                f"sweep {folder.name} is being run by {who}. Watch it with `gantune attach {folder.name}`, end it with `gantune stop`."
            )
        about = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": round(time.time(), 3)})
        os.ftruncate(file, 0)
        os.pwrite(file, about.encode(), 0)
        yield
    finally:
        os.close(file)


def driver_of(folder: Path) -> dict[str, Any] | None:
    """{pid, host, since} of the live driver of the sweep in `folder`, None when there is none."""
    try:
        file = os.open(folder / DRIVER, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _acquire(file, 1, fcntl.LOCK_SH) else _content(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def held(path: Path, *, seconds: float = 0.0) -> Iterator[bool]:
    """The lock file `path` held for the context; False when somebody else keeps it for longer than `seconds`."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield _acquire(file, 1 + round(seconds / PAUSE))
    finally:
        os.close(file)


def _acquire(file: int, tries: int, how: int = fcntl.LOCK_EX) -> bool:
    for _ in range(tries):
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if tries > 1:
                time.sleep(PAUSE)
        else:
            return True
    return False


def _content(file: int) -> dict[str, Any]:
    try:
        content = json.loads(os.pread(file, 4096, 0) or b"{}")
    except ValueError:  # caught between truncation and writing
        return {}
    return content if isinstance(content, dict) else {}

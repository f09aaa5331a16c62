"""Partial files that a killed process left beside what it was about to replace."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

# `.last.pt.4711` is written by process 4711; safetensors writes `.tmpXXXXXX` beside
PARTIAL = re.compile(r"\..+\.(\d+)|\.tmp\w{6}")
KINDS = ("trials", "finalists")
WORTH_A_NOTE = 100 * 10**6  # bytes


def remove_orphans(folder: Path) -> str | None:
    """Remove them from the sweep in `folder`, whose lock the caller holds and of which nothing runs; a note when they were many bytes."""
    count = total = 0
    for path in _partials(folder):
        try:
            about = path.lstat()
            path.unlink()
        except FileNotFoundError:  # another machine's process, such as a writer to MLflow, has finished it
            continue
        count, total = count + 1, total + (about.st_size if about.st_nlink == 1 else 0)
    for place in folder.glob(".shared-*"):  # of a driver that was killed while it asked the nodes
        shutil.rmtree(place, ignore_errors=True)
    if total <= WORTH_A_NOTE:
        return None
    return f"removed {count} partial files ({total / 10**6:,.0f} MB) that killed processes had left"


def _partials(folder: Path) -> Iterator[Path]:
    """Partial files of processes that are gone, in the sweep's own folder and in those of its runs."""
    for place in (folder, folder / "report", *_runs(folder)):
        if place.is_dir():
            with os.scandir(place) as entries:
                found = [(entry.path, match) for entry in entries if (match := PARTIAL.fullmatch(entry.name)) and entry.is_file()]
            yield from (Path(path) for path, match in found if not (match[1] and _is_alive(int(match[1]))))


def _runs(folder: Path) -> Iterator[Path]:
    for kind in KINDS:
        for run in (folder / kind).glob("*"):
            yield from (run, run / "grids")


def _is_alive(pid: int) -> bool:
    """Whether such a process is on this machine, such as the writer to MLflow of an earlier driver."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True

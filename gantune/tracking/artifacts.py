"""Files that belong to a trial after it has ended, in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gantune.servers import shown
from gantune.tracking import store
from gantune.tracking.cursor import load_cursor
from gantune.tracking.tracker import Tracker, Unreachable


def attach(folder: Path, trial: str, files: Sequence[Path], place: str) -> str | None:
    """Put `files` under `place` among the artifacts of a trial's MLflow run; those of the same name are replaced.

    Gives None, or why that could not be done, with what to do about it: the files themselves are not touched.
    """
    again = f"bring it up to date with `gantune sync {folder.name}` and probe again"
    cursor = load_cursor(folder)
    if cursor is None:
        return f"MLflow does not know sweep {folder.name} yet; {again}"
    try:
        tracker = Tracker(cursor.uri, folder.parent, store.family_name(folder.name))
        found = tracker.find_runs({"gantune.sweep": folder.name, "gantune.born": str(cursor.born), "gantune.id": trial}, "gantune.id")
        if trial not in found:
            return f"MLflow has no run of {folder.name}/{trial} yet; {again}"
        for file in files:
            tracker.place(found[trial], file, place)
    except Unreachable as error:
        return f"{shown(cursor.uri)} does not take them: {error}; {again}"
    return None

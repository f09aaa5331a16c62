"""A sweep's place in an MLflow store: which of its runs are there, how far they are, and the sweep's own run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantune.tracking import store
from gantune.tracking.cursor import Cursor, load_cursor
from gantune.tracking.tracker import Tracker

SWEEP = "sweep"  # the parent's gantune.id


@dataclass
class Connection:
    """An open store with the cursor of one sweep in it."""

    folder: Path
    about: Mapping[str, Any]  # the sweep as it was frozen
    tracker: Tracker
    cursor: Cursor
    parent: str  # the sweep's run
    is_new: bool  # whether the store had no run of the sweep

    @classmethod
    def open(cls, folder: Path, uri: str, about: Mapping[str, Any], born: float) -> Connection:
        """Find what the store has of the sweep that began at `born`, and see to its own run. May raise `Unreachable`."""
        tracker = Tracker(uri, folder.parent, store.family_name(folder.name))
        found = tracker.find_runs({"gantune.sweep": folder.name, "gantune.born": str(born)}, "gantune.id")
        cursor = load_cursor(folder)
        if cursor is None or (cursor.uri, cursor.born) != (uri, born) or not _holds(found, cursor):
            cursor = Cursor(uri, born)  # another store, or runs deleted there: send everything, which repeats nothing
        parent = found.pop(SWEEP, None)
        is_new = parent is None
        if parent is None:
            parent = tracker.create(folder.name, born, _tags(folder, about, SWEEP, born, {}) | {"gantune.kind": "sweep"})
        if cursor.offset == 0:  # made by us, or by one that died before it could fill it
            spec = {name: value for name, value in about["spec"].items() if name != "space"}
            tracker.log(parent, [], dict(_flat(spec)), {})
            tracker.place(parent, folder / store.SWEEP, "")
        cursor.parent, cursor.runs = parent, found
        return cls(folder, about, tracker, cursor, parent, is_new)

    def begin(self, id: str, kind: str, began: float, driver: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
        """A new run below the sweep's, for a trial or a finalist, with the `tags` that it has by now."""
        own = _tags(self.folder, self.about, id, self.cursor.born, driver) | {"gantune.kind": kind, "mlflow.parentRunId": self.parent}
        self.cursor.runs[id] = self.tracker.create(f"{self.folder.name}/{id}", began, {**own, **tags})
        return self.cursor.runs[id]


def _tags(folder: Path, about: Mapping[str, Any], id: str, born: float, driver: Mapping[str, Any]) -> dict[str, Any]:
    family = about["spec"].get("family") or ""
    versions = {**(about.get("versions") or {}), **(driver.get("versions") or {})}
    return {
        "gantune.sweep": folder.name,
        "gantune.born": str(born),
        "gantune.id": id,
        "family": family if isinstance(family, str) else ", ".join(family),
        "data": about["spec"].get("data"),
    } | {f"version.{name}": version for name, version in versions.items()}


def _holds(found: Mapping[str, str], cursor: Cursor) -> bool:
    return cursor.parent == found.get(SWEEP) and all(found.get(id) == run for id, run in cursor.runs.items())


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """({budget: {kimg: 60}}) → [("budget.kimg", 60)]."""
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(f"{prefix}{name}", value)]
    return rows

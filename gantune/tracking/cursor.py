"""Where MLflow is, how far the spool has been replayed into it, and what state that replay is in. Needs no MLflow."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CURSOR = "mlflow-cursor.json"
STATE = "tracking.json"


def tracking_uri(runs: Path) -> str:
    """MLFLOW_TRACKING_URI where it is set, else the data base in the runs folder. Always explicit: MLflow's own default depends on the
    working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{runs.resolve() / 'mlflow.db'}"


@dataclass
class Cursor:
    """How far one store at `uri` is. `born` (the first event's time) tells apart sweeps of one name on a shared server."""

    uri: str
    born: float
    offset: int = 0  # bytes of the spool that the store has
    parent: str | None = None  # the sweep's run
    runs: dict[str, str] = field(default_factory=dict)  # trial or finalist → run id

    def save(self, folder: Path) -> None:
        """Replace the cursor's file."""
        _replace(folder / CURSOR, asdict(self))


def load_cursor(folder: Path) -> Cursor | None:
    """The cursor of the latest replay; None when there is none, or it is damaged: then everything is replayed, which repeats nothing."""
    content = _read(folder / CURSOR)
    try:
        return None if content is None else Cursor(**content)
    except TypeError:
        return None


def mlflow_run_ids(folder: Path, uri: str | None = None) -> dict[str, str]:
    """Run ids by trial and finalist in the store at `uri` (default: the one last replayed to); empty before the first replay."""
    cursor = load_cursor(folder)
    return {} if cursor is None or (uri is not None and uri != cursor.uri) else dict(cursor.runs)


@dataclass(frozen=True)
class TrackingState:
    """What a person should know: `state` is "ok" or "unreachable"; `pending` counts events not yet in the store."""

    uri: str
    state: str
    pending: int = 0
    last_error: str | None = None

    def save(self, folder: Path) -> None:
        """Replace the state's file."""
        _replace(folder / STATE, asdict(self))


def load_state(folder: Path) -> TrackingState | None:
    """The state that the latest replay left, None before the first."""
    content = _read(folder / STATE)
    return None if content is None else TrackingState(**content)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _replace(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content))
    os.replace(partial, path)

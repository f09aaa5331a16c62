"""A store brought up to date with a sweep's spool in one go."""

from __future__ import annotations

from pathlib import Path

from gantune.errors import UserError
from gantune.servers import shown
from gantune.tracking.cursor import tracking_uri
from gantune.tracking.lock import driver_of, held
from gantune.tracking.replay import LOCK, Replay, SyncResult
from gantune.tracking.tracker import Unreachable

WAIT_SECONDS = 60.0  # for a writer that is about to end


def sync(folder: Path, uri: str | None = None) -> SyncResult:
    """Bring the store at `uri` (default: where the sweep is tracked) up to date with the spool.

    Raises `UserError` when the store cannot be reached; what it has by then is kept and the next sync goes on from there.
    """
    uri = uri or tracking_uri(folder.parent)
    again = f"Try again with: gantune sync {folder.name}"
    with held(folder / LOCK, seconds=0.0 if driver_of(folder) else WAIT_SECONDS) as mine:
        if not mine:
            raise UserError(f"sweep {folder.name} is being replayed into MLflow by its own writer. {again}")
        replay = Replay(folder, uri)
        try:
            replay.advance()
            replay.close_abandoned()
        except Unreachable as error:
            replay.failed(error)
            raise UserError(f"{shown(uri)} does not take the runs of {folder.name}: {error}\n{again}") from None
        return replay.result

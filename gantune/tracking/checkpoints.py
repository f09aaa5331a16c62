"""Checkpoints that a sweep has let go of, to stay within storage.checkpoints_gb: what the spool says to whoever looks for one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gantune.errors import UserError
from gantune.tracking import spool
from gantune.tracking.store import SWEEP

BECAUSE = "was let go to stay within storage.checkpoints_gb"


def let_go_of(run: Path) -> set[str]:
    """The files of the run in the folder `run` that were let go: of a sweep's trial, else none."""
    sweep = run.resolve().parent.parent
    if run.resolve().parent.name != "trials" or not (sweep / SWEEP).is_file():
        return set()
    events = (event for event in spool.read(sweep) if event["kind"] == "let_go" and event["trial"] == run.resolve().name)
    return {name for event in events for name in event["files"]}


def check_kept(path: Path) -> None:
    """`UserError` where a run's file `path` is missing because it was let go."""
    if not path.exists() and path.name in let_go_of(path.parent):
        run = path.resolve().parent
        raise UserError(
            f"{run.parent.parent.name}/{run.name}: its checkpoint {BECAUSE} ({path.name}).\n"
            "Its values are in `gantune show`; train its setting again, or name a better trial."
        )


def told(files: Collection[str]) -> str | None:
    """What a table says of a trial of which `files` were let go; None while its best checkpoint is there."""
    return f"its checkpoint {BECAUSE}" if "best.pt" in files else None

"""Which checkpoints a sweep lets go of when they take more of the disk than storage.checkpoints_gb. A pure decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["open", "needed", "ended"]
Files = Mapping[str, tuple[int, int]]  # name -> (which file on the disk, its bytes): names of one file are hard links

LAST, BEST = "last.pt", ("best.pt", "generator.safetensors")


@dataclass(frozen=True)
class Held:
    """A trial's files. `open`: it runs, or will be gone on with, and nothing of it goes; `needed`: its best checkpoint is still to be
    scored, or one of the best, and only the last one may go; `ended`: these may go, and other files never."""

    trial: str
    state: State
    files: Files


def size(files: Files) -> int:
    """Bytes that a trial's files take, each counted once."""
    return sum(dict(files.values()).values())


def to_let_go(trials: Sequence[Held], limit: int) -> tuple[list[tuple[str, list[str]]], int]:
    """What goes so that all fits into `limit` bytes, in order, and the bytes that are left then; `trials` stand the worst first.

    The last checkpoints go first, then whatever else of a trial may go. What is also another file's name, and would not free a byte, stays.
    """
    used = sum(size(held.files) for held in trials)
    gone: dict[str, list[str]] = {}
    for names, states in (((LAST,), ("needed", "ended")), ((LAST, *BEST), ("ended",))):
        for held in trials:
            if used <= limit:
                return list(gone.items()), used
            if held.state not in states or held.files.keys().isdisjoint(names):
                continue
            there = {name: at for name, at in held.files.items() if name not in gone.get(held.trial, ())}
            going = _freeing(there, names)
            if going:
                gone.setdefault(held.trial, []).extend(going)
                used -= size({name: there[name] for name in going})
    return list(gone.items()), used


def _freeing(files: Files, names: Iterable[str]) -> list[str]:
    """Those of `names` whose files have no other name."""
    wanted = [name for name in names if name in files]
    staying = {which for name, (which, _) in files.items() if name not in wanted}
    return [name for name in wanted if files[name][0] not in staying]

"""Which trials run and which wait, and how many there is room for."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from gantune.runtime.ledger import Entry, Ledger
from gantune.runtime.shares import fit


@dataclass
class Floor:
    """At most `slots` trials run at once, or fewer since memory ran out, each with `share` of a GPU or what the ledger says it needs, as
    many as fit on `gpus`."""

    ledger: Ledger
    slots: int
    share: float = 0.0
    gpus: float = math.inf
    queue: deque[Entry] = field(default_factory=deque)  # to be taken up again, before new ones begin
    running: set[str] = field(default_factory=set)

    def share_of(self, trial: str) -> float:
        """Of a GPU, that the trial takes."""
        return self.ledger.share(trial, self.share)

    @property
    def places(self) -> int:
        """How many trials may run at once."""
        return self.ledger.places(self.slots)

    @property
    def has_room(self) -> bool:
        """Whether the next trial fits beside those that run. One that turns out to need more waits for its worker."""
        return self.admits(self.share_of(self.queue[0].id) if self.queue else self.share)

    def admits(self, share: float) -> bool:
        """Whether one with this share fits beside those that run."""
        shares = [share, *map(self.share_of, self.running)]
        return len(shares) <= self.places and (self.share == 0 or fit(shares, self.gpus))

    def leave(self, trial: str) -> None:
        """The trial runs no more."""
        self.running.discard(trial)

    def put_first(self, entry: Entry) -> None:
        """The trial leaves its worker and is the next to be taken up."""
        self.leave(entry.id)
        self.queue.appendleft(entry)

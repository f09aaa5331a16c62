"""A cluster that gains machines while a sweep runs: more trials at a time. One that loses some keeps its places, as they may come back."""

from __future__ import annotations

import time
from collections.abc import Callable

from gantune.runtime.floor import Floor
from gantune.runtime.live import LiveState
from gantune.runtime.session import Session

EVERY = 15.0  # seconds between two looks


class Growth:
    """`poll` in every turn of a loop. `at` is the cluster with all that has joined it; a trial takes `cpu` of it."""

    def __init__(self, at: Session, cpu: float, live: LiveState, clock: Callable[[], float] = time.monotonic) -> None:
        self.at = at
        self._cpu, self._live, self._clock = cpu, live, clock
        self._next = clock() + EVERY

    def poll(self, floor: Floor) -> None:
        """Make room on the `floor` for what has joined. What is lost keeps its places."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + EVERY
        now = self.at.now()
        slots = now.fits(self._cpu, floor.share)
        if slots <= floor.slots:
            return
        self.at = now
        floor.slots, floor.gpus = slots, max(floor.gpus, now.gpus)
        self._live.set(slots=floor.places)
        self._live.note(f"the cluster has grown: {floor.places} at a time from now on")

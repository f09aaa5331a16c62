"""The spool and what it adds up to, in step; and the time that a sweep may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gantune.runtime.ledger import Ledger
from gantune.runtime.stopping import NoUse


class Book:
    """The spool and the ledger in step."""

    def __init__(self, spool: Any, ledger: Ledger, clock: Callable[[], float]) -> None:
        self.spool, self.ledger, self._clock = spool, ledger, clock
        self.after: Callable[[str, Mapping[str, Any]], None] | None = None  # told of each event that has been taken into account

    def append(self, kind: str, **fields: Any) -> None:
        """Write an event down, then take it into account. Raises `Halt` when the disk does not take it: nothing may happen unwritten."""
        try:
            self.spool.append(kind, **fields)
        except OSError as error:
            raise NoUse(f"the spool {self.spool.path} cannot be written ({error.strerror})") from None
        self.ledger.apply({"kind": kind, "t": self._clock(), **fields})
        if self.after is not None:
            self.after(kind, fields)


@dataclass(frozen=True)
class Limits:
    """Time budgets in seconds; None is without."""

    wall: float | None = None
    device: float | None = None
    device_share: float = 1.0  # of a device that a trial occupies, unless it needs more

    def used_up(self, wall: float, ledger: Ledger) -> str | None:
        """The budget that is used up after so many seconds of the clock, and those of devices that the ledger knows."""
        if self.wall is not None and wall >= self.wall:
            return "hours"
        if self.device is not None and ledger.occupied_seconds(self.device_share) >= self.device:
            return "gpu_hours"
        return None

"""The circuit breaker: a sweep that can only fail is stopped after its first few trials, with the one error that they share."""

from __future__ import annotations

import re

LEAST, MOST = 3, 8
VARYING = re.compile(r"0x[0-9a-f]+|(/[^\s/:,'\"]+)+/?|(?<![a-z_])\d+(\.\d+)?(e[+-]?\d+)?")  # addresses, paths, numbers


def alike(error: str) -> str:
    """The error without the numbers and paths in which two of one kind differ."""
    return VARYING.sub("#", error.lower())


class Breaker:
    """Told what happens to the trials of one driver; `ended` and `lost` give the words with which to stop, once there is no hope.

    Errors count while nothing has been reported and all trials that ended share one, unless the sweep is `proven` by trials of an earlier
    driver. Workers count that die in a row, before they reported anything, with more than one trial, while none runs that has reported.
    `trials` are those that the error ended; so many are still to come.
    """

    def __init__(self, slots: int, trials: int, *, proven: bool = False) -> None:
        self._deaths = min(max(LEAST, slots), MOST)
        self._first = min(self._deaths, max(1, trials))
        self._several = min(2, max(1, trials))
        self._off = proven  # some trial has learnt something, or they fail differently
        self._error: str | None = None
        self.trials: list[str] = []
        self._silent: set[str] = set()  # trials whose worker has not reported yet
        self._speaking: set[str] = set()  # those whose worker has, and runs
        self._dead: list[str] = []  # whose workers died so, in a row

    def started(self, trial: str) -> None:
        """A worker takes the trial up."""
        self._silent.add(trial)
        self._speaking.discard(trial)

    def reported(self, trial: str) -> None:
        """The trial's worker told a point."""
        self._off = True
        self._silent.discard(trial)
        self._speaking.add(trial)
        self._dead.clear()

    def ended(self, trial: str, error: str | None) -> str | None:
        """The trial has its end, with an `error` if it is one."""
        self._silent.discard(trial)
        self._speaking.discard(trial)
        if error is None or self._error not in (None, alike(error)):
            self._off = True
        if self._off or error is None:
            return None
        self._error = alike(error)
        self.trials.append(trial)
        if len(self.trials) < self._first:
            return None
        which = "the only trial" if self._first == 1 else f"the first {self._first} trials all"
        return f"{which} ended with {'this' if self._first == 1 else 'the same'} error, so the sweep stops: {error}"

    def lost(self, trial: str, why: str) -> str | None:
        """The trial's worker died."""
        self._speaking.discard(trial)
        if trial not in self._silent:
            return None
        self._silent.discard(trial)
        self._dead.append(trial)
        if self._speaking or len(self._dead) < self._deaths or len(set(self._dead)) < self._several:
            return None
        return f"{len(self._dead)} workers in a row died before they reported anything, so the sweep stops: {why}"

"""The stall watchdog: when trials wait and nothing moves, it says why, and what to do. Ray is asked only then."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from dataclasses import dataclass

from gantune.runtime.machines import Machine, total

FIRST, GROWTH, LONGEST = 30.0, 2.0, 600.0  # seconds to the first note, how the intervals grow, and up to what


@dataclass(frozen=True)
class ClusterView:
    """What Ray says of its nodes at one moment."""

    machines: tuple[Machine, ...]  # that are alive
    lost: int  # that were there once
    starting: int  # that the autoscaler is starting
    free_cpus: float
    free_gpus: float
    unmet: int  # requests for resources that wait, of whatever job


@dataclass(frozen=True)
class Crew:
    """What this sweep has under way."""

    started: Set[str]  # trials whose workers run
    waiting: int  # trials whose workers have not begun
    cpu: float  # of a trial
    gpu: float  # of the largest that waits
    held: float = 0.0  # of GPUs, by those that run


class Watchdog:
    """`poll` in every turn of a loop, `progress` at every report. `say` gets the note, and None when work goes on."""

    def __init__(
        self, look: Callable[[], ClusterView | None], say: Callable[[str | None], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look, self._say, self._clock = look, say, clock
        self._moved, self._next = clock(), FIRST  # when something moved last; seconds after which to look again
        self._started: Set[str] = frozenset()  # as of the last look
        self._said = False

    def progress(self) -> None:
        """Something started or reported."""
        self._moved, self._next = self._clock(), FIRST
        if self._said:
            self._said = False
            self._say(None)

    def poll(self, crew: Callable[[], Crew]) -> None:
        """Say why nothing moves, if it is time for that."""
        still = self._clock() - self._moved
        if still < self._next:
            return
        now = crew()
        if now.started - self._started or not now.waiting:
            self._started = now.started
            self.progress()
            return
        self._next = still + min(still * (GROWTH - 1), LONGEST)
        view = self._look()
        why = "Ray's head does not answer. See it with `ray status`, and its logs in /tmp/ray." if view is None else reason(view, now)
        if why is not None:
            self._said = True
            some = f"{now.waiting} trial{'s wait' if now.waiting > 1 else ' waits'}"
            self._say(f"nothing has started or reported for {_span(still)}, and {some}: {why}")


def reason(view: ClusterView, crew: Crew) -> str | None:
    """Why the trials that wait do not start, and what to do; None when only this sweep's own trials are in their way."""
    if view.starting:
        return f"the autoscaler is starting {view.starting} node{'s' * (view.starting > 1)}; `ray status` shows how far it is."
    cpus, gpus = total(view.machines)
    if not any(one.places(crew.cpu, crew.gpu) >= 1 for one in view.machines):
        if view.lost:
            return "no node is there that could run them, and some are gone. Start nodes again: `ray start`, or `ray up --no-restart`."
        if crew.gpu and not gpus:
            return "the cluster has no node with a GPU yet. Wait for one, start one, or stop and use --set resources.gpu=0."
        what = f"{crew.cpu:g} CPU" + (f" and {crew.gpu:g} GPU" if crew.gpu else "")
        return f"no node has {what} for a trial. Start nodes, or stop and use a smaller --set resources.cpu=… or gpu=…"
    if not view.unmet:
        return "they have their resources, but their workers are not up yet. If it stays so, see a node's /tmp/ray/session_latest/logs."
    placed = max(0, crew.waiting - view.unmet)  # that wait for their process alone
    if crew.gpu:
        return _taken("GPU", gpus, gpus - view.free_gpus - crew.held - placed * crew.gpu)
    return _taken("CPU", cpus, cpus - view.free_cpus - (len(crew.started) + placed) * crew.cpu)


def _taken(what: str, total: float, others: float) -> str | None:
    if others < 0.01:
        return None
    all_of = f"the one {what} is taken, {others:.3g} of it" if total == 1 else f"of {total:g} {what}s {others:.3g} are taken"
    return f"{all_of} by others. Wait, or see who it is with: ray list actors, ray list jobs."


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

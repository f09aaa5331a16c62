"""Who runs next, who stops, and what is written down: a sweep's search without a line of Ray.

Everything is appended to the spool first and then applied to the ledger and the pruner, so that replaying the spool gives the same state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gantune.errors import UserError
from gantune.runtime.ledger import STATES, Entry, Event, Ledger, number
from gantune.runtime.live import LiveState
from gantune.runtime.population import Population, Takeover
from gantune.runtime.pruning import Pruner, compared_by
from gantune.runtime.stopping import Halt, StopRequests
from gantune.runtime.work import Plan, Result
from gantune.tracking.spool import is_orphan


class Search(Protocol):
    """What the director needs of the search over configurations."""

    def ask(self) -> Any: ...
    def report(self, number: int, kimg: float, value: float | None) -> None: ...
    def tell(self, number: int, reason: str, value: float | None = None) -> str: ...


@dataclass(frozen=True)
class Limits:
    """Time budgets in seconds; None is without."""

    wall: float | None = None
    device: float | None = None
    device_share: float = 1.0  # of a device that each trial occupies

    def used_up(self, wall: float, device: float) -> str | None:
        """The budget that is used up after so many seconds of the clock and of devices."""
        if self.wall is not None and wall >= self.wall:
            return "hours"
        if self.device is not None and device * self.device_share >= self.device:
            return "gpu_hours"
        return None


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
            raise Halt(f"the spool {self.spool.path} cannot be written ({error.strerror})") from None
        self.ledger.apply({"kind": kind, "t": self._clock(), **fields})
        if self.after is not None:
            self.after(kind, fields)


def replay(
    events: Iterable[Event], ledger: Ledger, pruner: Pruner, population: Population | None = None
) -> tuple[dict[str, str], dict[str, Takeover]]:
    """Bring ledger, pruner and population to where `events` leave them. Gives the stops and the takeovers that nobody carried out."""
    pending: dict[str, str] = {}
    takeovers: dict[str, Takeover] = {}
    for event in events:
        if is_orphan(event, ledger.trials):
            continue
        known = event["kind"] == "report" and float(event["point"]["kimg"]) in ledger.trials[event["trial"]].points
        ledger.apply(event)
        if event["kind"] == "report" and not known:
            entry = ledger.trials[event["trial"]]
            evidence = pruner.report(entry.id, float(event["point"]["kimg"]), compared_by(pruner, entry.points.values(), entry.best))
            if evidence is not None:
                pending[entry.id] = evidence
            takeover = compared(population, ledger, entry, event["point"])
            if takeover is not None:
                takeovers[entry.id] = takeover
        elif event["kind"] == "takeover":
            takeovers.pop(event["trial"], None)
        elif event["kind"] == "end":
            entry = ledger.trials[event["trial"]]
            pruner.end(entry.id, event["reason"], entry.kimg, compared_by(pruner, entry.points.values(), entry.best))
            pending.pop(entry.id, None)
            takeovers.pop(entry.id, None)
    return pending, takeovers


def compared(population: Population | None, ledger: Ledger, entry: Entry, point: Mapping[str, Any]) -> Takeover | None:
    """What the population makes of a report that the ledger has."""
    if population is None:
        return None
    value = number(point.get(ledger.objective))
    return population.report(entry, float(point["kimg"]), value, lambda id, kimg: ledger.trials[id].setting_before(kimg))


def to_continue(ledger: Ledger, limits: Limits) -> list[Entry]:
    """What an earlier driver left: open trials, then those cut short by a time budget or the machine, if there is time now."""
    cut = [entry for entry in ledger.trials.values() if entry.cut is not None or entry.reason == "infra"]
    return ledger.unfinished() + ([] if limits.used_up(ledger.search_seconds, ledger.device_seconds) else cut)


class Director:
    """Hands out plans and takes results. `plan_of` makes a worker's plan of an entry; `settle` makes complete values of searched ones.

    The first `canonical` questions of the search are the canonical settings, one a family.
    """

    def __init__(
        self,
        *,
        book: Book,
        pruner: Pruner,
        search: Search,
        plan_of: Callable[[Entry], Plan],
        settle: Callable[[dict[str, Any]], dict[str, Any]],
        stops: StopRequests,
        live: LiveState,
        limits: Limits,
        slots: int,
        canonical: int = 1,
        pending: dict[str, str] | None = None,
        population: Population | None = None,
        takeovers: dict[str, Takeover] | None = None,
        clock: Callable[[], float],
    ) -> None:
        self._book, self._ledger = book, book.ledger
        self._pruner, self._search = pruner, search
        self._plan_of, self._settle = plan_of, settle
        self._stops, self._live, self._limits, self._slots, self._clock = stops, live, limits, slots, clock
        self._canonical = canonical
        self._pending = dict(pending or {})
        self._population, self._takeovers = population, dict(takeovers or {})
        self._running: set[str] = set()
        self._dry = False  # a finite search has no more to offer
        self._began = clock()
        self._before = self._ledger.search_seconds
        self._queue = deque(to_continue(self._ledger, limits))

    def next_plan(self) -> Plan | None:
        """The next trial's plan, unfinished ones first; None when all slots are taken or nothing is left (see `is_exhausted`)."""
        while not self._is_over and len(self._running) < self._slots:
            if not self._queue and self._all_begun:
                return None
            entry = self._continue_one() if self._queue else self._begin_one()
            if entry is not None:
                self._running.add(entry.id)
                self._live.show(entry)
                return self._plan_of(entry)
        return None

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing more will be handed out. A running member of a population may still come back for another checkpoint."""
        if self._is_over:
            return True
        return not self._queue and self._all_begun and not (self._population is not None and self._running)

    @property
    def _is_over(self) -> bool:
        return self._stops.sweep is not None or self.time_is_up is not None

    @property
    def _all_begun(self) -> bool:
        return self._dry or len(self._ledger.trials) >= self._ledger.total

    @property
    def time_is_up(self) -> str | None:
        """The time budget that is used up."""
        return self._limits.used_up(self._before + self._clock() - self._began, self._ledger.device_seconds)

    def take(self, result: Result) -> bool:
        """Write a worker's result down. True when the trial shall go no further."""
        entry = self._ledger.trials[result["trial"]]
        if entry.ended:
            return True
        for point in result["points"]:
            self._report(entry, point)
        end = self._end_of(entry, result)
        if end is not None:
            self._end(entry, *end)
            return True
        self._live.show(entry)
        if entry.id not in self._takeovers:
            return False
        self._running.discard(entry.id)
        self._queue.appendleft(entry)  # it goes on from another checkpoint as soon as a worker is free, which is at once
        return True

    def close(self) -> None:
        """The search is over: trials of earlier drivers that no time was left for get an end; a resume with more time takes them up."""
        budget = self.time_is_up
        while budget is not None and self._queue:
            entry = self._queue.popleft()
            if not entry.ended:
                self._end(entry, "user", f"the sweep's budget of {budget} is used up", budget)

    def lost(self, trial: str, why: str) -> None:
        """The trial's worker died; it is taken up again from its checkpoint."""
        if not self._ledger.trials[trial].ended:
            self._book.append("requeue", trial=trial, why=why)

    def given_up(self, trial: str, why: str) -> None:
        """The trial's workers died too often."""
        if not self._ledger.trials[trial].ended:
            self._end(self._ledger.trials[trial], "infra", why)

    def _continue_one(self) -> Entry:
        entry = self._queue.popleft()
        takeover = self._takeovers.pop(entry.id, None)
        if takeover is None:
            self._book.append("requeue", trial=entry.id, why=f"resumed after {entry.reason or 'an interruption'}")
            return entry
        try:
            values = self._settle(takeover.params)
        except UserError as error:  # moved to where the family does not allow it: the trial goes on as it was
            self._book.append("requeue", trial=entry.id, why=f"did not take over {takeover.donor}: {error}")
            return entry
        self._book.append("takeover", trial=entry.id, **vars(takeover), values=values)
        return entry

    def _begin_one(self) -> Entry | None:
        asked = self._search.ask()
        if asked is None:
            self._dry = True
            return None
        params = dict(asked.params)
        origin = "canonical" if asked.number < self._canonical else "sampler"
        name = f"{asked.number:04d}"
        problem = None
        try:
            values = self._settle(params)
        except UserError as error:
            values, problem = params, str(error)
        self._book.append("trial", trial=name, number=asked.number, params=params, values=values, origin=origin, note=asked.note)
        entry = self._ledger.trials[name]
        if problem is not None:
            self._end(entry, "error", problem)
            return None
        return entry

    def _report(self, entry: Entry, point: dict[str, Any]) -> None:
        kimg = float(point["kimg"])
        if kimg in entry.points:
            return
        self._book.append("report", trial=entry.id, point=point)
        evidence = self._pruner.report(entry.id, kimg, compared_by(self._pruner, entry.points.values(), entry.best))
        if evidence is not None:
            self._pending[entry.id] = evidence
        takeover = compared(self._population, self._ledger, entry, point)
        if takeover is not None:
            self._takeovers[entry.id] = takeover
        if entry.best is not None and not entry.takeovers:
            self._search.report(entry.number, kimg, entry.best)

    def _end_of(self, entry: Entry, result: Result) -> tuple[str, str] | tuple[str, str, str] | None:
        """Reason and evidence, in the order of what a reader wants to know first; a third member names the time budget."""
        if result["error"] is not None:
            return "error", result["error"]
        if result["verdict"] is not None:
            reason, evidence = result["verdict"]
            return reason, evidence
        if self._stops.wants_end(entry.id):
            self._book.append("user", trial=entry.id, what="stop")
            return "user", "stopped by the user"
        if entry.id in self._pending:
            return self._pruner.reason, self._pending[entry.id]
        budget = self.time_is_up
        if budget is not None:
            return "user", f"the sweep's budget of {budget} is used up", budget
        return None

    def _end(self, entry: Entry, reason: str, evidence: str, cut: str | None = None) -> None:
        about = {
            "state": STATES[reason],
            "reason": reason,
            "evidence": evidence,
            "fid": entry.best,
            "kimg": entry.kimg,
            "seconds": entry.device_seconds,
        }
        self._book.append("end", trial=entry.id, **about, **({} if cut is None else {"cut": cut}))
        self._running.discard(entry.id)
        self._pending.pop(entry.id, None)
        self._takeovers.pop(entry.id, None)
        self._pruner.end(entry.id, reason, entry.kimg, compared_by(self._pruner, entry.points.values(), entry.best))
        self._search.tell(entry.number, reason, entry.own_best)
        self._live.show(entry)

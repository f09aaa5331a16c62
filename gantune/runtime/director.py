"""Who runs next, who stops, and what is written down: a sweep's search without a line of Ray.

Everything is appended to the spool first and then applied to the ledger and the pruner, so that replaying the spool gives the same state.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from gantune.errors import UserError
from gantune.runtime.book import Book, Limits
from gantune.runtime.breaker import Breaker
from gantune.runtime.failures import Failure
from gantune.runtime.floor import Floor
from gantune.runtime.ledger import STATES, Entry
from gantune.runtime.live import LiveState
from gantune.runtime.losses import Losses
from gantune.runtime.population import Population, Takeover
from gantune.runtime.pruning import Pruner
from gantune.runtime.replaying import compared, to_continue
from gantune.runtime.stopping import StopRequests
from gantune.runtime.work import Plan, Result


class Search(Protocol):
    """What the director needs of the search over configurations."""

    def ask(self) -> Any: ...
    def report(self, number: int, kimg: float, value: float | None) -> None: ...
    def tell(self, number: int, reason: str, value: float | None = None) -> str: ...


class Director:
    """Hands out plans and takes results. `plan_of` makes a worker's plan of an entry; `settle` makes complete values of searched ones.

    The first `canonical` questions of the search are the canonical settings, one a family. At most `slots` trials run at once, each with
    `share` of a GPU or more, as many as fit on `gpus`; `grow` makes more room as it comes. `size_of` measures how much memory a trial's
    values want, to compare trials by.
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
        grow: Callable[[Floor], None] = lambda floor: None,
        share: float = 0.0,
        gpus: float = math.inf,
        size_of: Callable[[Entry], float] = lambda entry: 0.0,
        canonical: int = 1,
        pending: dict[str, str] | None = None,
        population: Population | None = None,
        takeovers: dict[str, Takeover] | None = None,
        clock: Callable[[], float],
    ) -> None:
        self._book, self._ledger = book, book.ledger
        assert pruner.signal == self._ledger.signal, "the ledger rates by what the pruner compares"
        self._pruner, self._search = pruner, search
        self._plan_of, self._settle = plan_of, settle
        self._stops, self._live, self._limits, self._clock = stops, live, limits, clock
        self._grow, self._canonical = grow, canonical
        self._pending = dict(pending or {})
        self._population, self._takeovers = population, dict(takeovers or {})
        self._dry = False  # a finite search has no more to offer
        self._began = clock()
        self._before = self._ledger.search_seconds
        self._floor = Floor(self._ledger, slots, share, gpus, deque(to_continue(self._ledger, limits)))
        self._queue, self._running = self._floor.queue, self._floor.running
        told = list(self._ledger.trials.values())
        done = sum(entry.ended and entry not in self._queue for entry in told)
        proven = any(entry.reported or entry.state in ("complete", "pruned") for entry in told)
        self._breaker = Breaker(slots, self._ledger.total - done, proven=proven)
        self._losses = Losses(book, self._floor, live, self._breaker, size_of=size_of, end=self._end)

    def next_plan(self) -> Plan | None:
        """The next trial's plan, unfinished ones first; None when all slots are taken or nothing is left (see `is_exhausted`)."""
        self._grow(self._floor)
        while not self._is_over and self._floor.has_room:
            if not self._queue and self._all_begun:
                return None
            entry = self._continue_one() if self._queue else self._begin_one()
            if entry is not None:
                self._running.add(entry.id)
                self._breaker.started(entry.id)
                self._live.show(entry)
                return self._plan_of(entry)
        return None

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing more will be handed out. A running trial may still come back: lost, or for another checkpoint."""
        return self._is_over or (not self._queue and self._all_begun and not self._running)

    def share_of(self, trial: str) -> float:
        """Of a GPU, that the trial takes."""
        return self._floor.share_of(trial)

    @property
    def _is_over(self) -> bool:
        return self._stops.sweep is not None or self.time_is_up is not None

    @property
    def _all_begun(self) -> bool:
        return self._dry or len(self._ledger.trials) >= self._ledger.total

    @property
    def time_is_up(self) -> str | None:
        """The time budget that is used up."""
        return self._limits.used_up(self._before + self._clock() - self._began, self._ledger)

    def take(self, result: Result) -> bool:
        """Write a worker's result down. True when the trial shall go no further."""
        entry = self._ledger.trials[result["trial"]]
        if entry.ended:
            return True
        for point in result["points"]:
            self._breaker.reported(entry.id)
            self._report(entry, point)
        end = self._end_of(entry, result)
        if end is not None:
            self._end(entry, *end)
            return True
        self._live.show(entry)
        if entry.id not in self._takeovers:
            return False
        self._floor.put_first(entry)  # it goes on from another checkpoint as soon as a worker is free, which is at once
        return True

    def close(self) -> None:
        """The search is over: trials of earlier drivers that no time was left for get an end; a resume with more time takes them up."""
        budget = self.time_is_up
        while budget is not None and self._queue:
            entry = self._queue.popleft()
            if not entry.ended:
                self._end(entry, "user", f"the sweep's budget of {budget} is used up", budget)

    def lost(self, trial: str, failure: Failure) -> None:
        """The trial's worker is lost. It goes on from its checkpoint, with a larger share of a GPU if need be, or is given up."""
        self._losses.take(self._ledger.trials[trial], failure)

    def killed_for_memory(self, failure: Failure) -> None:
        """Ray killed workers, as their machine ran out of memory, and Tune has let go of all."""
        self._losses.take_all(failure)

    def _continue_one(self) -> Entry:
        entry = self._queue.popleft()
        takeover = self._takeovers.pop(entry.id, None)
        told = self._losses.is_told(entry.id)
        if takeover is None:
            if not told:
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
        self._losses.begin(entry)
        return entry

    def _report(self, entry: Entry, point: dict[str, Any]) -> None:
        kimg = float(point["kimg"])
        if kimg in entry.reported:
            return
        self._book.append("report", trial=entry.id, point=point)
        evidence = self._pruner.report(entry.id, kimg, entry.rated)
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
        began = entry.id in self._running
        self._book.append("end", trial=entry.id, **about, **({} if cut is None else {"cut": cut}))
        self._running.discard(entry.id)
        self._pending.pop(entry.id, None)
        self._takeovers.pop(entry.id, None)
        self._pruner.end(entry.id, reason, entry.kimg, entry.rated)
        self._search.tell(entry.number, reason, entry.own_best)
        self._live.show(entry)
        if began or not self._running:  # one that could not begin says nothing of those that run and have not reported yet
            self._losses.trip(self._breaker.ended(entry.id, evidence if reason == "error" else None))

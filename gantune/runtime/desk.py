"""What a driver has on its desk while it works on a sweep, brought to where the spool left it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gantune import steady
from gantune.runtime.book import Book, Limits
from gantune.runtime.cluster_view import look
from gantune.runtime.floor import Floor
from gantune.runtime.growth import Growth
from gantune.runtime.keeping import Keeping
from gantune.runtime.ledger import Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.orphans import remove_orphans
from gantune.runtime.planning import Planner
from gantune.runtime.pool import Job, run_jobs
from gantune.runtime.population import open_population
from gantune.runtime.pruning import open_pruner
from gantune.runtime.replaying import replay
from gantune.runtime.session import Session
from gantune.runtime.stopping import Halt, StopRequests
from gantune.runtime.watchdog import Watchdog
from gantune.runtime.work import PROBE
from gantune.runtime.workers import Workers
from gantune.spec import SweepSpec
from gantune.tracking.spool import Spool, read


class Desk:
    """One driver's tools for the sweep in `folder`. Opens the spool, so the sweep's lock is needed first."""

    def __init__(
        self, spec: SweepSpec, folder: Path, live: LiveState, at: Session, *, opener: str, scorer: str, prober: str = PROBE
    ) -> None:
        self.spec, self.folder, self.live = spec, folder, live
        self.growth = Growth(at, spec.resources.cpu, live)
        self._gpus = at.gpus  # those that come later do not move a sweep from CPUs to GPUs in its middle
        self.opener, self.scorer, self.prober = opener, scorer, prober
        self.watchdog = Watchdog(look, self._stalled)
        self.planner = Planner(spec, folder.resolve())
        self.stops = StopRequests(folder)
        objective, budget = spec.objective, spec.budget
        self.pruner = open_pruner(spec.scheduler, mode=objective.mode, kimg=budget.kimg, report_every=budget.report_every)
        self.ledger = Ledger(objective.metric, objective.mode, budget.trials, self.pruner.signal)
        self.population = open_population(spec)
        self.spool = Spool(folder)
        self.pending, self.takeovers = replay(read(folder), self.ledger, self.pruner, self.population)
        self.book = Book(self.spool, self.ledger, steady.now)
        keeping = Keeping(folder, spec.storage.checkpoints_gb, book=self.book, ledger=self.ledger, live=live, top=spec.finalists.top)
        self.book.after = keeping.take
        note = remove_orphans(folder)
        if note is not None:
            live.note(note)

    @property
    def at(self) -> Session:
        """Where trials run, with the machines that have joined."""
        return self.growth.at

    @property
    def share(self) -> float:
        """Of a GPU, that a trial takes unless it needs more."""
        return self.spec.resources.share(self._gpus, self.ledger.gpu)

    @property
    def slots(self) -> int:
        """How many trials fit at once."""
        return self.at.slots(self.spec.resources.cpu, self.share)

    @property
    def places(self) -> int:
        """How many trials may run at once: those that fit, or fewer since memory ran out."""
        return self.ledger.places(self.slots)

    @property
    def limits(self) -> Limits:
        """The sweep's time budgets, or what a resume changed them to."""
        budget, changed = self.spec.budget, self.ledger.limits
        hours, gpu_hours = changed.get("hours", budget.hours), changed.get("gpu_hours", budget.gpu_hours)
        return Limits(
            wall=None if hours is None else hours * 3600,
            device=None if gpu_hours is None else gpu_hours * 3600,
            device_share=self.share or 1.0,
        )

    def begin(self, **about: Any) -> None:
        """Write down that this driver begins. From now on its notes are written down, too, for those who follow the sweep."""
        self.book.append("driver", segment=self.ledger.segment + 1, **about)
        for text in self.live.picture.notes:
            self.book.append("note", text=text)
        self.live.on_note = lambda text: self.book.append("note", text=text, slots=self.live.picture.slots)

    def close(self) -> None:
        """Nothing more is written down."""
        self.live.on_note = None
        self.spool.close()

    def _stalled(self, why: str | None) -> None:
        self.live.set(stall=why)
        self.book.append("note", stall=why)

    def phase(self, name: str, work: Callable[[Desk], None]) -> None:
        """Do a phase's work and write down that it is done."""
        self.stops.poll()
        self.live.phase(name)
        began = time.monotonic()
        work(self)
        self.book.append("phase", phase=name, seconds=time.monotonic() - began)

    def run_jobs(self, jobs: list[Job], on_report: Callable[[Job], None], on_done: Callable[[Job], None]) -> None:
        """Run jobs on the sweep's resources."""
        crew = Workers(self.spec.resources.cpu, self.opener, self.scorer)
        room = Floor(self.ledger, self.slots, self.share, self.at.gpus)
        grow = self.growth.poll
        run_jobs(jobs, crew, room, self.book, self.live, self.stops, self.watchdog, grow=grow, on_report=on_report, on_done=on_done)

    def halted(self, why: str) -> None:
        """Write down, if that is still possible, that this was no accident."""
        with suppress(Halt):
            self.book.append("user", trial=None, what="stop", why=why)

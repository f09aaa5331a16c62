"""What a driver has on its desk while it works on a sweep, brought to where the spool left it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gantune import steady
from gantune.runtime.director import Book, replay
from gantune.runtime.keeping import Keeping
from gantune.runtime.ledger import Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.orphans import remove_orphans
from gantune.runtime.planning import Planner
from gantune.runtime.pool import Job, run_jobs
from gantune.runtime.population import open_population
from gantune.runtime.pruning import open_pruner
from gantune.runtime.session import Session
from gantune.runtime.stopping import Halt, StopRequests
from gantune.spec import SweepSpec
from gantune.tracking.spool import Spool, read


class Desk:
    """One driver's tools for the sweep in `folder`. Opens the spool, so the sweep's lock is needed first."""

    def __init__(self, spec: SweepSpec, folder: Path, live: LiveState, at: Session, *, opener: str, scorer: str) -> None:
        self.spec, self.folder, self.live = spec, folder, live
        self.opener, self.scorer = opener, scorer
        self.slots = at.slots(spec.resources.cpu, spec.resources.gpu)
        self.planner = Planner(spec, folder.resolve())
        self.stops = StopRequests(folder)
        objective, budget = spec.objective, spec.budget
        self.ledger = Ledger(objective.metric, objective.mode, budget.trials)
        self.pruner = open_pruner(spec.scheduler, mode=objective.mode, kimg=budget.kimg, report_every=budget.report_every)
        self.population = open_population(spec)
        self.spool = Spool(folder)
        self.pending, self.takeovers = replay(read(folder), self.ledger, self.pruner, self.population)
        self.book = Book(self.spool, self.ledger, steady.now)
        keeping = Keeping(folder, spec.storage.checkpoints_gb, book=self.book, ledger=self.ledger, live=live, top=spec.finalists.top)
        self.book.after = keeping.take
        note = remove_orphans(folder)
        if note is not None:
            live.note(note)

    def phase(self, name: str, work: Callable[[Desk], None]) -> None:
        """Do a phase's work and write down that it is done."""
        self.stops.poll()
        self.live.phase(name)
        began = time.monotonic()
        work(self)
        self.book.append("phase", phase=name, seconds=time.monotonic() - began)

    def run_jobs(self, jobs: list[Job], on_report: Callable[[Job], None], on_done: Callable[[Job], None]) -> None:
        """Run jobs on the sweep's resources."""
        resources = self.spec.resources
        run_jobs(
            jobs,
            stops=self.stops,
            slots=self.slots,
            cpu=resources.cpu,
            gpu=resources.gpu,
            opener=self.opener,
            scorer=self.scorer,
            on_report=on_report,
            on_done=on_done,
        )

    def halted(self, why: str) -> None:
        """Write down, if that is still possible, that this was no accident."""
        with suppress(Halt):
            self.book.append("user", trial=None, what="stop", why=why)

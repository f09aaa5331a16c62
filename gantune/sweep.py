"""A sweep from end to end: search, score, finalists, report. Every phase goes on from what the spool says is done already."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from gantune import __version__
from gantune.errors import UserError, did_you_mean
from gantune.families import open_family
from gantune.report import write_report
from gantune.runtime.director import Book, Director, Limits, replay
from gantune.runtime.follower import following
from gantune.runtime.ledger import Entry, Ledger
from gantune.runtime.live import LiveState, TrialView
from gantune.runtime.planning import SCORE_ALL, SCORE_SEED, Planner, keep_code, to_score
from gantune.runtime.pool import Job, run_jobs
from gantune.runtime.pruning import open_pruner
from gantune.runtime.session import Session, session
from gantune.runtime.snapshots import warning_about_snapshots
from gantune.runtime.stopping import Halt, StopRequests, request_stop
from gantune.runtime.tuning import run_search
from gantune.runtime.work import SCORE, TRIAL
from gantune.search import Past, Search
from gantune.spec import SweepSpec
from gantune.tracking.lock import driver_lock, driver_of
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import Spool, read
from gantune.tracking.store import freeze, frozen


class SweepInterrupted(Exception):
    """The sweep was told to stop and can go on from where it is."""

    def __init__(self, folder: Path, why: str) -> None:
        runs = "" if folder.parent == Path("runs") else f" --runs {folder.parent}"
        self.folder, self.why = folder, why
        self.resume_command = f"gantune resume {folder.name}{runs}"
        super().__init__(f"{why}: {folder.name} stopped. Go on with: {self.resume_command}")


class Sweep:
    """One driver's work on a sweep in `folder`."""

    def __init__(self, spec: SweepSpec, folder: Path, live: LiveState, at: Session, *, opener: str, scorer: str) -> None:
        self.spec, self.folder, self.live, self.at = spec, folder, live, at
        self.slots = at.slots(spec.resources.cpu, spec.resources.gpu)
        self.planner = Planner(spec, folder.resolve())
        self.stops = StopRequests(folder)
        self.spool = Spool(folder)
        self.ledger = Ledger(spec.objective.metric, spec.objective.mode, spec.budget.trials)
        self.pruner = open_pruner(spec.scheduler, mode=spec.objective.mode, kimg=spec.budget.kimg, report_every=spec.budget.report_every)
        self.pending = replay(read(folder), self.ledger, self.pruner)
        self.book = Book(self.spool, self.ledger, time.time)
        self._opener, self._scorer = opener, scorer

    def run(self, changes: dict[str, Any]) -> None:
        """All phases. `changes` are what a resume changed: trials in all, hours, gpu_hours."""
        self.book.append(
            "driver",
            segment=self.ledger.segment + 1,
            pid=os.getpid(),
            host=os.uname().nodename,
            slots=self.slots,
            versions=versions(),
            **changes,
        )
        self.live.set(total=self.ledger.total, slots=self.slots, kimg_budget=self.spec.budget.kimg)
        for entry in self.ledger.trials.values():
            self.live.show(entry)
        self._phase("search", self.search)
        self._phase("score", self.score)
        self._phase("finalists", self.finalists)
        self.book.append("phase", phase="done", seconds=0.0)
        self.live.phase("done")

    def search(self) -> None:
        """Trials until the budget is used up."""
        director = Director(
            book=self.book,
            pruner=self.pruner,
            search=self._search(),
            plan_of=self.planner.trial,
            settle=self.planner.settle,
            stops=self.stops,
            live=self.live,
            limits=self._limits(),
            slots=self.slots,
            pending=self.pending,
            clock=time.time,
        )
        if not director.is_exhausted:
            resources = self.spec.resources
            storage = self.folder.resolve() / "ray" / str(self.ledger.segment)
            run_search(director, self.stops, storage=storage, slots=self.slots, cpu=resources.cpu, gpu=resources.gpu, opener=self._opener)

    def score(self) -> None:
        """Each promising trial's best checkpoint on fresh samples, the same for all."""
        chosen = to_score(list(self.ledger.trials.values()), self.spec.objective.mode)
        if len(chosen) > SCORE_ALL:
            self.live.note(f"scoring the better {len(chosen)} of {len(self.ledger.trials)} trials on fresh samples")
        seed, n = SCORE_SEED + self.spec.seed, self.spec.score.n
        stale = [entry for entry in chosen if self.ledger.scores.get(entry.id, {}).get("kimg") != entry.kimg]
        jobs = [Job(entry.id, self.planner.trial(entry), train=False, seed=seed, n=n) for entry in stale]

        def done(job: Job) -> None:
            if job.outcome is None:
                self.live.note(f"trial {job.key} was not scored: {job.error}")
                return
            metrics, settings = split(job.outcome)
            self.book.append("score", trial=job.key, seed=seed, n=n, kimg=self.ledger.trials[job.key].kimg, metrics=metrics, **settings)
            self.live.show(self.ledger.trials[job.key], metrics.get(self.spec.objective.metric))

        self._run(jobs, lambda job: None, done)

    def finalists(self) -> None:
        """The best trials and the canonical setting again, from the start, with the same fresh seeds."""
        entries = self.ledger.trials
        canonical = next((entry for entry in entries.values() if entry.origin == "canonical"), None)
        ranked = [entries[trial.id] for trial in SweepRecord.load(self.folder).ranked() if trial.id in entries]
        best = [entry for entry in ranked if entry is not canonical and entry.best is not None][: self.spec.finalists.top]
        runs = {entry.id: entry for entry in best} | ({"canonical": canonical} if canonical is not None else {})
        seeds = self.planner.seeds(int(entry.values.get("seed", 0)) for entry in entries.values())
        self.live.set(finals_total=len(runs) * len(seeds) if best else 0)
        jobs: list[Job] = []
        who_of: dict[str, tuple[str, int]] = {}
        for seed in seeds if best else []:
            for who, entry in runs.items():
                plan = self.planner.final(who, entry.values, seed)
                if (who, seed) not in self.ledger.finals:
                    jobs.append(Job(plan["trial"], plan, train=True, seed=SCORE_SEED + seed, n=self.spec.score.n))
                    who_of[plan["trial"]] = who, seed
                else:
                    self.live.show_final(TrialView(plan["trial"], "complete", score=self._final_value(who, seed)))

        def report(job: Job) -> None:
            point = job.points[job.kimg]
            self.live.show_final(TrialView(job.key, "running", job.kimg, point.get(self.spec.objective.metric), point.get("d_loss")))

        def done(job: Job) -> None:
            who, seed = who_of[job.key]
            if job.outcome is None:
                self.live.note(f"finalist {job.key} has no value: {job.error}")
                self.live.show_final(TrialView(job.key, "failed", job.kimg, evidence=job.error))
                return
            metrics, settings = split(job.outcome)
            seconds = max((point.get("seconds", 0.0) for point in job.points.values()), default=0.0)
            self.book.append("final", who=who, seed=seed, kimg=job.kimg, seconds=seconds, metrics=metrics, **settings)
            self.live.show_final(TrialView(job.key, "complete", job.kimg, score=metrics.get(self.spec.objective.metric)))

        self._run(jobs, report, done)

    def halted(self, why: str) -> None:
        """Write down, if that is still possible, that this was no accident."""
        with suppress(Halt):
            self.book.append("user", trial=None, what="stop", why=why)

    def _final_value(self, who: str, seed: int) -> float | None:
        value = self.ledger.finals[who, seed]["metrics"].get(self.spec.objective.metric)
        return None if value is None else float(value)

    def _run(self, jobs: list[Job], on_report: Callable[[Job], None], on_done: Callable[[Job], None]) -> None:
        resources = self.spec.resources
        run_jobs(
            jobs,
            stops=self.stops,
            slots=self.slots,
            cpu=resources.cpu,
            gpu=resources.gpu,
            opener=self._opener,
            scorer=self._scorer,
            on_report=on_report,
            on_done=on_done,
        )

    def _phase(self, name: str, work: Callable[[], None]) -> None:
        self.stops.poll()
        self.live.phase(name)
        began = time.monotonic()
        work()
        self.book.append("phase", phase=name, seconds=time.monotonic() - began)

    def _search(self) -> Search:
        spec = self.spec
        history = [past(entry) for entry in self.ledger.trials.values()]
        search = Search(
            spec.space,
            spec.sampler.name,
            spec.sampler.options,
            seed=spec.sampler.seed,
            storage=self.folder / "optuna.journal",
            history=history,
            name=self.folder.name,
            mode=spec.objective.mode,
        )
        if not history:
            params, note = spec.space.project(open_family(spec.family).canonical)
            search.enqueue(params, note)
        return search

    def _limits(self) -> Limits:
        budget, changed = self.spec.budget, self.ledger.limits
        hours, gpu_hours = changed.get("hours", budget.hours), changed.get("gpu_hours", budget.gpu_hours)
        return Limits(
            wall=None if hours is None else hours * 3600,
            device=None if gpu_hours is None else gpu_hours * 3600,
            device_share=self.spec.resources.gpu or 1.0,
        )


def run_sweep(
    spec: SweepSpec,
    folder: Path,
    *,
    live: LiveState | None = None,
    local: bool = False,
    cpus: int | None = None,
    opener: str = TRIAL,
    scorer: str = SCORE,
) -> SweepRecord:
    """Run `spec` in `folder`, which holds no sweep yet. Raises `UserError` before anything is written, `SweepInterrupted` when told to stop."""

    def begin() -> SweepSpec:
        folder.mkdir(parents=True, exist_ok=True)
        kept = keep_code(spec, folder)
        freeze(folder, kept.to_json(), versions=versions())
        return kept

    return _drive(spec, begin, folder, live or LiveState(folder.name), {}, local, cpus, opener, scorer)


def resume_sweep(
    folder: Path,
    *,
    more_trials: int = 0,
    hours: float | None = None,
    gpu_hours: float | None = None,
    live: LiveState | None = None,
    local: bool = False,
    cpus: int | None = None,
    opener: str = TRIAL,
    scorer: str = SCORE,
) -> SweepRecord:
    """Go on with the sweep in `folder`, with more trials or time than it had. Raises `UserError` when it cannot be read or is running."""
    spec = SweepSpec.from_json(frozen(folder)["spec"])
    ledger = Ledger(spec.objective.metric, spec.objective.mode, spec.budget.trials).apply_all(read(folder))
    changes: dict[str, Any] = {"trials": ledger.total + more_trials} | ledger.limits
    changes |= {name: value for name, value in (("hours", hours), ("gpu_hours", gpu_hours)) if value is not None}
    live = live or LiveState(folder.name)
    warning = warning_about_snapshots(folder)
    if warning is not None:
        live.note(warning)
    return _drive(spec, lambda: spec, folder, live, changes, local, cpus, opener, scorer)


def stop_sweep(folder: Path, trial: str | None = None) -> None:
    """Ask the sweep's driver to end one trial, or all. `UserError` when nothing is running there or there is no such running trial."""
    if driver_of(folder) is None:
        raise UserError(f"sweep {folder.name} is not running.")
    if trial is None:
        return request_stop(folder)
    trials = {entry.id: entry for entry in SweepRecord.load(folder).trials}
    name = trial if trial in trials else trial.zfill(4)
    if name not in trials:
        raise UserError(f"sweep {folder.name} has no trial {trial!r}. {did_you_mean(name, trials)}")
    if trials[name].state != "running":
        raise UserError(f"trial {name} of {folder.name} has ended already ({trials[name].reason}).")
    return request_stop(folder, name)


def versions() -> dict[str, str]:
    """Of what decides the numbers."""
    return {"gantune": __version__, "python": platform.python_version()} | {
        name: metadata.version(name) for name in ("torch", "ray", "optuna")
    }


def _drive(
    spec: SweepSpec,
    begin: Callable[[], SweepSpec],
    folder: Path,
    live: LiveState,
    changes: dict[str, Any],
    local: bool,
    cpus: int | None,
    opener: str,
    scorer: str,
) -> SweepRecord:
    with ExitStack() as stack:
        at = stack.enter_context(session(local=local, cpus=cpus))
        at.slots(spec.resources.cpu, spec.resources.gpu)
        spec = begin()
        stack.enter_context(driver_lock(folder))
        follower = stack.enter_context(following(folder))
        sweep = Sweep(spec, folder, live, at, opener=opener, scorer=scorer)
        stack.callback(sweep.spool.close)
        stack.enter_context(sweep.stops.listening())
        try:
            sweep.run(changes)
        except Halt as halt:
            sweep.halted(str(halt))
            raise SweepInterrupted(folder, str(halt)) from None
        left = follower.drain()
        if left is not None:
            live.note(left)
        record = SweepRecord.load(folder)
        write_report([record], folder / "report")
        return record


def past(entry: Entry) -> Past:
    """A trial of an earlier driver, as the search remembers it."""
    state = {"stopped": "failed"}.get(entry.state, entry.state)
    return Past(entry.number, entry.params, state, entry.best, entry.bests, entry.reason)


def split(outcome: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A score's metrics by name, and what they depend on."""
    about = {name: outcome[name] for name in ("provenance", "floor", "sampling") if name in outcome}
    return {name: value for name, value in outcome.items() if name not in about}, about

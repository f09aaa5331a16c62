"""A few whole runs at once on Ray, without a scheduler: finalists, and the scoring of checkpoints."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import ray

from gantune.runtime.book import Book
from gantune.runtime.cluster_view import is_leaving
from gantune.runtime.failures import Failure, Loss, Over, after, failure_of
from gantune.runtime.floor import Floor
from gantune.runtime.live import LiveState
from gantune.runtime.losses import run_fewer
from gantune.runtime.shares import words
from gantune.runtime.stopping import StopRequests
from gantune.runtime.watchdog import Watchdog
from gantune.runtime.work import Plan
from gantune.runtime.workers import Workers


@dataclass
class Job:
    """One run to its end (`train`), then its score on `n` fresh samples; or the score alone."""

    key: str
    plan: Plan
    train: bool
    seed: int
    n: int
    points: dict[float, dict[str, Any]] = field(default_factory=dict)  # by kimg
    outcome: dict[str, Any] | None = None  # the score
    error: str | None = None
    losses: Counter[str] = field(default_factory=Counter)  # of its worker, those that count since its last new report, by kind

    @property
    def kimg(self) -> float:
        """How far it has trained."""
        return max(self.points, default=0.0)


def run_jobs(
    jobs: Iterable[Job],
    workers: Workers,
    floor: Floor,
    book: Book,
    live: LiveState,
    stops: StopRequests,
    watchdog: Watchdog,
    *,
    grow: Callable[[Floor], None] = lambda floor: None,
    on_report: Callable[[Job], None],
    on_done: Callable[[Job], None],
) -> None:
    """Run all jobs, as many at once as the floor has room for, each retried from its checkpoint when its worker is lost. `grow` makes more
    room as it comes. Raises `Halt` when asked to stop."""
    waiting = deque(jobs)
    doing: dict[Any, tuple[Job, Any]] = {}  # future → what it is for
    watchdog.progress()
    try:
        while waiting or doing:
            stops.poll()
            watchdog.poll(workers.crew)
            grow(floor)
            while waiting and floor.admits(floor.share_of(waiting[0].key)):
                job = waiting.popleft()
                floor.running.add(job.key)
                worker = workers.hire(floor.share_of(job.key))
                doing[_begin(job, worker.actor)] = job, worker
            workers.dismiss()
            for future in ray.wait(list(doing), timeout=0.2)[0]:
                job, worker = doing.pop(future)
                try:
                    later = _take(job, worker.actor, ray.get(future), on_report)
                except ray.exceptions.RayError as error:  # dead, killed for memory, short of it, cut off, or its node is gone
                    failure = failure_of(error, leaving=is_leaving(worker.node))
                    workers.fire(worker)
                    if _goes_on(job, failure, floor, book, live):
                        waiting.appendleft(job)
                    else:
                        on_done(job)
                    floor.leave(job.key)
                    continue
                watchdog.progress()
                if later is not None:
                    doing[later] = job, worker
                else:
                    workers.rest(worker)
                    floor.leave(job.key)
                    on_done(job)
    finally:
        workers.close()
        watchdog.progress()


def _goes_on(job: Job, failure: Failure, floor: Floor, book: Book, live: LiveState) -> bool:
    """Whether the job whose worker is lost is tried again, after what this takes."""
    alone = len(floor.running) == 1
    following = after(failure, job.losses[failure.kind], floor.share_of(job.key), alone=alone)
    if isinstance(following, Over):
        job.error = following.evidence
        return False
    if failure.kind is Loss.MEMORY and not alone:
        run_fewer(book, floor, live, failure)
    if following.share is not None:
        book.append("share", trial=job.key, gpu=following.share, why=failure.why)
        live.note(f"{job.key} found no memory on its share of a GPU: it goes on with {words(following.share)}")
    job.losses[failure.kind] += following.counts
    return True


def _begin(job: Job, actor: Any) -> Any:
    if not job.train:
        return actor.score.remote(job.plan, job.seed, job.n)
    actor.start.remote(job.plan)
    return actor.step.remote()


def _take(job: Job, actor: Any, result: dict[str, Any], on_report: Callable[[Job], None]) -> Any:
    """Note a result; gives the future of what comes next for the job, None when it is done."""
    job.error = result["error"]
    if "score" in result:
        job.outcome = result["score"]
        return None
    points = {float(point["kimg"]): point for point in result["points"]}
    if not points.keys() <= job.points.keys():
        job.losses.clear()
    job.points |= points
    if job.error is not None:
        return None
    on_report(job)
    if result["verdict"] is None:
        return actor.step.remote()
    return actor.score.remote(job.plan, job.seed, job.n)

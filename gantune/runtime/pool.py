"""A few whole runs at once on Ray, without a scheduler: finalists, and the scoring of checkpoints."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import ray

from gantune.runtime.marker import check_seen
from gantune.runtime.stopping import StopRequests
from gantune.runtime.work import Plan, Result, Work, is_passing, last_line, resolve

MAX_LOSSES = 3


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
    losses: int = 0

    @property
    def kimg(self) -> float:
        """How far it has trained."""
        return max(self.points, default=0.0)


class Worker:
    """The actor: work in steps, so that the driver sees every report."""

    def __init__(self, opener: str, scorer: str) -> None:
        self._work = Work(opener)
        self._scorer = scorer

    def start(self, plan: Plan) -> None:
        self._work.start(plan)

    def step(self) -> Result:
        return self._work.step()

    def score(self, plan: Plan, seed: int, n: int) -> dict[str, Any]:
        try:
            check_seen(plan)
            return {"score": resolve(self._scorer)(plan, seed=seed, n=n), "error": None}
        except Exception as error:  # a checkpoint that cannot be scored is that run's result, and stops no other
            if is_passing(error):
                raise
            return {"score": None, "error": last_line(error)}


def run_jobs(
    jobs: Iterable[Job],
    *,
    stops: StopRequests,
    slots: int,
    cpu: float,
    gpu: float,
    opener: str,
    scorer: str,
    on_report: Callable[[Job], None],
    on_done: Callable[[Job], None],
) -> None:
    """Run all jobs, at most `slots` at once, each retried from its checkpoint when its worker dies. Raises `Halt` when asked to stop."""
    waiting = deque(jobs)
    remote = ray.remote(num_cpus=cpu, num_gpus=gpu)(Worker)
    actors: list[Any] = [remote.remote(opener, scorer) for _ in range(min(slots, len(waiting)))]
    idle = list(actors)
    doing: dict[Any, tuple[Job, Any]] = {}  # future → what it is for
    try:
        while waiting or doing:
            stops.poll()
            while waiting and idle:
                job, actor = waiting.popleft(), idle.pop()
                doing[_begin(job, actor)] = job, actor
            ready, _ = ray.wait(list(doing), timeout=0.2)
            for future in ready:
                job, actor = doing.pop(future)
                try:
                    later = _take(job, actor, ray.get(future), on_report)
                except ray.exceptions.RayError as error:  # dead, killed for memory, cut off, or its node is gone
                    actors.remove(actor)
                    _kill(actor)  # one that is only out of reach must not write beside the next
                    actor = remote.remote(opener, scorer)
                    actors.append(actor)
                    job.losses += 1
                    if job.losses <= MAX_LOSSES:
                        waiting.appendleft(job)
                    else:
                        job.error = f"its worker died {job.losses} times: {str(error).strip().splitlines()[-1][:200]}"
                        on_done(job)
                    idle.append(actor)
                    continue
                if later is not None:
                    doing[later] = job, actor
                else:
                    on_done(job)
                    idle.append(actor)
    finally:
        for actor in actors:
            _kill(actor)


def _kill(actor: Any) -> None:
    with contextlib.suppress(ray.exceptions.RayError):
        ray.kill(actor)


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
    job.points |= {float(point["kimg"]): point for point in result["points"]}
    if job.error is not None:
        return None
    on_report(job)
    if result["verdict"] is None:
        return actor.step.remote()
    return actor.score.remote(job.plan, job.seed, job.n)

"""The pool's actors: work in steps, each with its share of a GPU for as long as it lives."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import ray

from gantune.runtime.marker import check_seen
from gantune.runtime.watchdog import Crew
from gantune.runtime.work import Plan, Result, Work, is_passing, last_line, out_of_memory, resolve


class Worker:
    """The actor: work in steps, so that the driver sees every report."""

    def __init__(self, opener: str, scorer: str) -> None:
        self._work = Work(opener)
        self._scorer = scorer

    def ready(self) -> str:
        """It runs, so that it has its resources: on the node with this id."""
        return str(ray.get_runtime_context().get_node_id())

    def start(self, plan: Plan) -> None:
        self._work.start(plan)

    def step(self) -> Result:
        return self._work.step()

    def score(self, plan: Plan, seed: int, n: int) -> dict[str, Any]:
        self._work.drop()  # what it has trained would take memory that scoring needs
        try:
            check_seen(plan)
            return {"score": resolve(self._scorer)(plan, seed=seed, n=n), "error": None}
        except Exception as error:  # a checkpoint that cannot be scored is that run's result, and stops no other
            short = out_of_memory(error)
            if short is not None:
                raise short from error
            if is_passing(error):
                raise
            return {"score": None, "error": last_line(error)}


@dataclass(eq=False)
class Hired:
    """An actor, the future of its start, which gives its node's id, and its share of a GPU."""

    actor: Any
    ready: Any
    share: float

    @property
    def node(self) -> str | None:
        """The id of the node that it runs on; None when it never came to that."""
        try:
            return str(ray.get(self.ready, timeout=0))
        except ray.exceptions.RayError:  # not there yet, or died on its way
            return None


@dataclass
class Workers:
    """The actors of one pool, of which the idle ones are used again for what needs the same share."""

    cpu: float
    opener: str
    scorer: str
    busy: list[Hired] = field(default_factory=list)
    idle: list[Hired] = field(default_factory=list)

    def hire(self, share: float) -> Hired:
        """One that is idle, or a new one, for which idle ones with another share make room."""
        worker = next((one for one in self.idle if one.share == share), None)
        if worker is not None:
            self.idle.remove(worker)
        else:
            self.dismiss()
            actor = ray.remote(num_cpus=self.cpu, num_gpus=share)(Worker).remote(self.opener, self.scorer)
            worker = Hired(actor, actor.ready.remote(), share)
        self.busy.append(worker)
        return worker

    def rest(self, worker: Hired) -> None:
        """Its job is done."""
        self.busy.remove(worker)
        self.idle.append(worker)

    def dismiss(self) -> None:
        """The idle ones are not needed: what they hold may be what others wait for, as when a node is lost."""
        while self.idle:
            _kill(self.idle.pop())

    def fire(self, worker: Hired) -> None:
        """It is dead, or out of reach: one that is only that must not write beside the next."""
        self.busy.remove(worker)
        _kill(worker)

    def close(self) -> None:
        """The work is over."""
        while self.busy:
            _kill(self.busy.pop())
        self.dismiss()

    def crew(self) -> Crew:
        """What the stall watchdog wants to know."""
        futures = [worker.ready for worker in self.busy]
        started, waiting = ray.wait(futures, num_returns=len(futures), timeout=0) if futures else ([], [])
        wanted = max((worker.share for worker in self.busy if worker.ready in waiting), default=0.0)
        held = sum(worker.share for worker in self.busy if worker.ready in started)
        return Crew(frozenset(future.hex() for future in started), len(waiting), self.cpu, wanted, held)


def _kill(worker: Hired) -> None:
    with contextlib.suppress(ray.exceptions.RayError):
        ray.kill(worker.actor)

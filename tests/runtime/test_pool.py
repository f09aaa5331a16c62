"""The pool over a Ray of a few lines: who runs where, what makes room, what becomes of lost workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, GetTimeoutError, OutOfMemoryError, RayError

from gantune.runtime import pool, workers
from gantune.runtime.book import Book
from gantune.runtime.floor import Floor
from gantune.runtime.ledger import Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.machines import Machine
from gantune.runtime.pool import Job, run_jobs
from gantune.runtime.stopping import StopRequests
from gantune.runtime.watchdog import ClusterView, Watchdog
from gantune.runtime.workers import Workers
from gantune.tracking.spool import Spool, read


class Actor:
    """Answers when it is placed; `trouble(key, share)` may say what it dies of instead."""

    def __init__(self, cluster: FakeRay, share: float) -> None:
        self.cluster, self.share, self.plan = cluster, share, {}

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *given: self.cluster.call(self, name, given))

    def answer(self, name: str, given: tuple[Any, ...]) -> Any:
        if name in ("start", "ready"):
            return "node"
        plan = given[0] if name == "score" else self.plan
        trouble = self.cluster.trouble(plan["trial"], self.share)
        if trouble is not None:
            return trouble
        self.cluster.done.append((plan["trial"], self.share))
        if name == "score":
            return {"score": {"fid": 1.0}, "error": None}
        return {"trial": plan["trial"], "points": [{"kimg": 1.0}], "verdict": ["budget", ""], "error": None}


@dataclass(eq=False)
class Future:
    """What an actor was asked."""

    actor: Actor
    name: str
    given: tuple[Any, ...]

    def hex(self) -> str:
        return str(id(self))


class FakeRay:
    """So many `cpus`: actors that were made first and live hold one each, the others wait."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, cpus: int, trouble: Callable[[str, float], Any]) -> None:
        self.cpus, self.trouble = cpus, trouble
        self.alive: list[Actor] = []
        self.made: list[float] = []
        self.done: list[tuple[str, float]] = []

    def remote(self, num_cpus: float, num_gpus: float) -> Any:
        def make(opener: str, scorer: str) -> Actor:
            self.alive.append(Actor(self, num_gpus))
            self.made.append(num_gpus)
            return self.alive[-1]

        return lambda kind: SimpleNamespace(remote=make)

    def call(self, actor: Actor, name: str, given: tuple[Any, ...]) -> Any:
        if name == "start":
            actor.plan = given[0]
        return Future(actor, name, given)

    def wait(self, futures: list[Any], num_returns: int = 1, timeout: float = 0.0) -> tuple[list[Any], list[Any]]:
        ready = [future for future in futures if future.actor in self.alive[: self.cpus]]
        assert ready or timeout == 0, "nobody can ever go on"
        return ready, [future for future in futures if future not in ready]

    def get(self, future: Any, timeout: float | None = None) -> Any:
        if future.actor not in self.alive[: self.cpus]:
            raise GetTimeoutError
        answer = future.actor.answer(future.name, future.given)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self, actor: Actor) -> None:
        if actor in self.alive:
            self.alive.remove(actor)


class Stage:
    """A pool in a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, cpus: int = 9, slots: int = 2, trouble: Any = None) -> None:
        self.ray = FakeRay(cpus, trouble or (lambda key, share: None))
        monkeypatch.setattr(pool, "ray", self.ray)
        monkeypatch.setattr(workers, "ray", self.ray)
        monkeypatch.setattr(pool, "is_leaving", lambda node: False)
        self.folder, self.live, self.ended = folder, LiveState("x"), []  # type: ignore[var-annotated]
        self.ledger = Ledger("fid", "min", 0)
        self.floor = Floor(self.ledger, slots, 1 / 4, 1)
        self.book = Book(Spool(folder), self.ledger, lambda: 0.0)

    def run(self, *keys: str, train: bool = False) -> dict[str, str | None]:
        jobs = [Job(key, {"trial": key}, train, seed=0, n=10) for key in keys]
        dog = Watchdog(lambda: ClusterView((Machine(1, 1),), 0, 0, 0, 0, 0), lambda why: None)
        crew = Workers(1, "x:y", "x:z")
        stops = StopRequests(self.folder)
        run_jobs(jobs, crew, self.floor, self.book, self.live, stops, dog, on_report=lambda job: None, on_done=self.ended.append)
        assert self.ray.alive == [], "nobody stays behind"
        return {job.key: job.error for job in self.ended}

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in read(self.folder) if event["kind"] == kind]


def test_workers_are_used_again_and_each_job_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, monkeypatch)
    assert stage.run("a", "b", "c", "d") == dict.fromkeys("abcd")
    assert len(stage.ray.made) == 2
    assert sorted(key for key, _ in stage.ray.done) == list("abcd")


def test_a_worker_that_nobody_needs_makes_room_for_one_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, monkeypatch, cpus=1)  # as when a node is lost after the slots were counted
    assert stage.run("a", "b", "c") == dict.fromkeys("abc")


def test_a_job_without_memory_on_its_share_takes_a_larger_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trouble(key: str, share: float) -> Exception | None:
        return RayError("OutOfMemory: gpu memory is used up: CUDA out of memory") if key == "a" and share < 1 else None

    stage = Stage(tmp_path, monkeypatch, trouble=trouble)
    assert stage.run("a", "b", train=True) == {"a": None, "b": None}
    assert [(event["trial"], event["gpu"]) for event in stage.told("share")] == [("a", 1 / 2), ("a", 1.0)]
    assert ("a", 1.0) in stage.ray.done
    assert stage.ledger.share("a", 1 / 4) == 1.0


def test_a_job_is_given_up_when_its_workers_die_without_getting_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, monkeypatch, trouble=lambda key, share: ActorDiedError() if key == "a" else None)
    outcome = stage.run("a", "b")
    assert str(outcome["a"]).startswith("lost its worker 4 times without a new report: The actor died unexpectedly")
    assert outcome["b"] is None


def test_workers_killed_for_memory_leave_fewer_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaths = iter([OutOfMemoryError("low on memory")])
    stage = Stage(tmp_path, monkeypatch, slots=3, trouble=lambda key, share: next(deaths, None) if key == "a" else None)
    assert stage.run("a", "b", "c", "d") == dict.fromkeys("abcd")
    assert [event["slots"] for event in stage.told("slots")] == [2]
    assert stage.floor.places == 2

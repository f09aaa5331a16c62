"""Machines that join a cluster while a sweep runs."""

from __future__ import annotations

from typing import Any

import pytest
import ray

from gantune.runtime.floor import Floor
from gantune.runtime.growth import EVERY, Growth
from gantune.runtime.ledger import Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.machines import Machine
from gantune.runtime.session import Session

ONE = Machine(4, 1)


class Stage:
    """A cluster of 4 CPUs and a GPU, and a sweep whose trials take 1/4 of one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: Session | None = None) -> None:
        self.have, self.time, self.asked = (ONE,), 0.0, 0
        monkeypatch.setattr(ray, "nodes", self.nodes)
        self.at = at or Session("10.0.0.1:6379", self.have)
        self.live = LiveState("x")
        self.floor = Floor(Ledger("fid", "min", 9), self.at.slots(1, 0.25), 0.25, self.at.gpus)
        self.growth = Growth(self.at, 1, self.live, lambda: self.time)

    def nodes(self) -> list[dict[str, Any]]:
        self.asked += 1
        return [{"Alive": True, "Resources": {"CPU": one.cpus, "GPU": one.gpus}} for one in self.have]

    def later(self, *have: Machine) -> int:
        self.have, self.time = have, self.time + EVERY
        self.growth.poll(self.floor)
        return self.floor.slots


def test_more_trials_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    assert stage.later(ONE) == 4
    stage.floor.running |= {"a", "b", "c", "d"}
    assert not stage.floor.has_room
    assert stage.later(ONE, Machine(8, 2)) == 12
    assert stage.floor.has_room
    assert stage.floor.gpus == stage.growth.at.gpus == 3
    assert stage.live.picture.slots == 12
    assert stage.live.picture.notes == ("the cluster has grown: 12 at a time from now on",)


def test_machines_that_are_lost_keep_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    assert stage.later() == 4
    assert stage.later(ONE) == 4
    assert not stage.live.picture.notes


def test_the_cluster_is_not_asked_in_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.later(ONE)
    for _ in range(9):
        stage.growth.poll(stage.floor)
    assert stage.asked == 1


def test_where_memory_ran_out_more_machines_are_room_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.floor.ledger.apply({"kind": "slots", "t": 1.0, "slots": 2, "of": 4})
    assert stage.floor.places == 2
    stage.later(ONE, Machine(8, 2))
    assert stage.floor.places == stage.live.picture.slots == 12


def test_this_machine_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    at: Any = Session(None, (ONE,))
    assert Stage(monkeypatch, at).later(ONE, ONE) == 4


def test_what_an_autoscaler_may_add_has_room_from_the_start() -> None:
    at = Session("10.0.0.1:6379", (Machine(0, 0),), (Machine(8, 1),) * 16)  # as after `ray up` of cluster.yaml, before any worker
    floor = Floor(Ledger("fid", "min", 100), at.slots(1, 0.25), 0.25, at.gpus)
    assert floor.slots == 64
    assert floor.has_room


def test_machines_of_another_kind_that_join_take_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    assert stage.later(Machine(64, 0)) == 4, "the GPUs are lost, and wanted again when they come back"
    assert stage.floor.gpus == 1
    assert stage.growth.at.slots(1, 0.25) == 4
    assert stage.later(Machine(64, 0), ONE, ONE) == 8


def test_what_an_autoscaler_may_add_still_counts_when_others_join(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Session("10.0.0.1:6379", (Machine(0, 0),), (Machine(4, 4),) * 4)
    stage = Stage(monkeypatch, at)
    assert stage.later(Machine(0, 0), *[Machine(16, 0)] * 4) == 16
    assert stage.floor.gpus == 16


def test_a_head_that_does_not_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)

    def silent() -> list[dict[str, Any]]:
        raise ray.exceptions.RaySystemError("GCS is gone")

    monkeypatch.setattr(ray, "nodes", silent)
    assert stage.later() == 4

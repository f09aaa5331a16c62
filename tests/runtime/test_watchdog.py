"""The stall watchdog: when it speaks, what it says, and that it asks Ray only then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gantune.runtime.machines import Machine
from gantune.runtime.watchdog import ClusterView, Crew, Watchdog, reason

NODE = Machine(4, 2)
VIEW = ClusterView(machines=(NODE, NODE), lost=0, starting=0, free_cpus=8, free_gpus=4, unmet=2)
BARE = (Machine(8, 0),)
CREW = Crew(frozenset(), 2, cpu=1, gpu=0.5)


@pytest.mark.parametrize(
    ("view", "crew", "words"),
    [
        (replace(VIEW, starting=3, machines=BARE), CREW, "the autoscaler is starting 3 nodes; `ray status` shows"),
        (replace(VIEW, starting=1), CREW, "the autoscaler is starting 1 node;"),
        (
            replace(VIEW, machines=(Machine(0, 0),), lost=2, free_cpus=0),
            CREW,
            "no node is there that could run them, and some are gone. Start nodes again",
        ),
        (replace(VIEW, machines=BARE), CREW, "the cluster has no node with a GPU yet."),
        (VIEW, replace(CREW, cpu=6, gpu=0), "no node has 6 CPU for a trial."),  # though two of them have
        (VIEW, replace(CREW, gpu=3), "no node has 1 CPU and 3 GPU for a trial."),
        (replace(VIEW, machines=(Machine(1, 2), Machine(8, 0))), replace(CREW, cpu=2), "no node has 2 CPU and 0.5 GPU for a trial."),
        (replace(VIEW, free_gpus=0), CREW, "of 4 GPUs 4 are taken by others."),
        (replace(VIEW, free_gpus=0.25), replace(CREW, started=frozenset("ab"), held=1.25), "of 4 GPUs 2.5 are taken by others."),
        (replace(VIEW, free_gpus=0, unmet=1), CREW, "of 4 GPUs 3.5 are taken by others."),  # one of the two waits for its process alone
        (replace(VIEW, machines=(Machine(8, 1),), free_gpus=0), replace(CREW, gpu=1), "the one GPU is taken, 1 of it by others."),
        (replace(VIEW, free_cpus=0), replace(CREW, gpu=0), "of 8 CPUs 8 are taken by others."),
        (replace(VIEW, free_gpus=0, unmet=0), CREW, "they have their resources, but their workers are not up yet."),
    ],
)
def test_why_nothing_moves(view: ClusterView, crew: Crew, words: str) -> None:
    assert str(reason(view, crew)).startswith(words)


def test_the_sweeps_own_trials_are_no_stall() -> None:
    assert reason(replace(VIEW, free_gpus=0), replace(CREW, started=frozenset("abcdefgh"), held=4.0)) is None


class Stage:
    """A watchdog over a clock and a crew that the test moves."""

    def __init__(self) -> None:
        self.now, self.crew, self.looks = 0.0, CREW, 0
        self.said: list[str | None] = []
        self.dog = Watchdog(self._look, self.said.append, lambda: self.now)

    def _look(self) -> ClusterView:
        self.looks += 1
        return replace(VIEW, machines=BARE)

    def poll(self, until: float) -> None:
        while self.now < until:
            self.now += 1
            self.dog.poll(lambda: self.crew)


def test_it_speaks_after_half_a_minute_and_then_ever_more_rarely() -> None:
    stage = Stage()
    stage.poll(29)
    assert (stage.said, stage.looks) == ([], 0), "Ray is not asked before"
    stage.poll(2000)
    assert [str(said)[:50] for said in stage.said] == [
        f"nothing has started or reported for {span}"[:50]
        for span in ("30 s, and 2 trials wait", "60 s, and 2 trials wait", "2 min, and 2 trials wait")
    ] + [
        f"nothing has started or reported for {span}"[:50]
        for span in ("4 min, and 2 trials wait", "8 min, and 2 trials wait", "16 min, and 2 trials wait", "26 min, and 2 trials wait")
    ]
    assert stage.looks == 7


def test_the_note_is_taken_back_when_work_goes_on_and_comes_again_after_another_stall() -> None:
    stage = Stage()
    stage.poll(40)
    stage.dog.progress()
    assert stage.said[-1] is None
    stage.dog.progress()
    assert len(stage.said) == 2, "once"
    stage.poll(69)
    assert len(stage.said) == 2
    stage.poll(71)
    assert len(stage.said) == 3


def test_a_trial_that_has_started_and_a_crew_without_waiting_trials_are_no_stall() -> None:
    stage = Stage()
    stage.poll(20)
    stage.crew = replace(CREW, started=frozenset({"0000"}), waiting=1)
    stage.poll(59)
    assert stage.said == []
    stage.poll(61)
    assert len(stage.said) == 1, "the other one waits still"
    calm = Stage()
    calm.crew = replace(CREW, waiting=0)
    calm.poll(500)
    assert (calm.said, calm.looks) == ([], 0)


def test_a_head_that_does_not_answer_is_said_to() -> None:
    said: list[str | None] = []
    times = iter([0.0, 31.0])
    Watchdog(lambda: None, said.append, lambda: next(times)).poll(lambda: CREW)
    assert str(said[0]).endswith("and 2 trials wait: Ray's head does not answer. See it with `ray status`, and its logs in /tmp/ray.")

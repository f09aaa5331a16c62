"""Why a worker was lost, by Ray's own words, and what becomes of its trial."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from ray.exceptions import OutOfMemoryError, RayTaskError

from gantune.runtime.failures import MAX_LOSSES, Again, Failure, Loss, Over, after, failure_of
from gantune.runtime.work import OutOfMemory

DIED = "The actor died unexpectedly before finishing this task.\n\tclass_name: Trainable\n\tactor_id: 5f\n\tpid: 7\n"
GONE = DIED + "The actor died because its node has died. Node Id: ab\n\tthe actor's node was "


@pytest.mark.parametrize(
    ("told", "kind", "why"),
    [
        (DIED + "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR", Loss.WORKER, "process has died."),
        (GONE + "terminated unexpectedly: health check failed due to missing too many heartbeats", Loss.NODE, "too many heartbeats"),
        (GONE + "terminated expectedly: received SIGTERM", Loss.PREEMPTED, "received SIGTERM"),
        (GONE + "preempted: spot notice", Loss.PREEMPTED, "the actor's node was preempted: spot notice"),
        ("Failure # 1\nTraceback\nOSError: [Errno 28] No space left on device", Loss.WORKER, "OSError: [Errno 28] No space left on device"),
        ("Task was killed due to the node running low on memory.", Loss.MEMORY, "low on memory."),
        ("The actor 5f is unavailable: RPC error: Socket closed.", Loss.NODE, "Socket closed."),
        (DIED, Loss.WORKER, "The actor died unexpectedly before finishing this task."),
        ("", Loss.WORKER, "its worker died"),
    ],
)
def test_a_loss_is_known_by_rays_words(told: str, kind: Loss, why: str) -> None:
    failure = failure_of(told)
    assert failure.kind is kind
    assert failure.why.endswith(why)


def test_whatever_happens_on_a_node_that_is_leaving_is_the_nodes() -> None:
    assert failure_of("The actor 5f is unavailable: RPC error: Socket closed.", leaving=True).kind is Loss.PREEMPTED
    assert failure_of(DIED, leaving=True).kind is Loss.PREEMPTED
    assert failure_of("gpu memory is used up: CUDA out of memory", leaving=True).kind is Loss.GPU_MEMORY, "but for what the trial did"


def test_a_worker_killed_for_memory_is_known_by_its_type() -> None:
    assert failure_of(OutOfMemoryError("2 worker(s) were killed")) == Failure(Loss.MEMORY, "2 worker(s) were killed")


@pytest.mark.parametrize(("device", "kind"), [("gpu", Loss.GPU_MEMORY), ("cpu", Loss.CPU_MEMORY)])
def test_a_trial_without_memory_is_known_after_its_journey_through_ray(device: str, kind: Loss) -> None:
    cause = pickle.loads(pickle.dumps(OutOfMemory(device, "CUDA out of memory. Tried to allocate 2 GiB")))  # noqa: S301  # our own
    told = f"Traceback (most recent call last):\ngantune.runtime.work.OutOfMemory: {cause}"
    error = RayTaskError("step", told, cause, pid=1, ip="127.0.0.1")
    assert failure_of(error) == Failure(kind, "CUDA out of memory. Tried to allocate 2 GiB")
    assert failure_of(str(error)) == failure_of(error), "Tune keeps the words alone"


def again(kind: Loss, losses: int = 0, share: float = 0.0, alone: bool = False) -> Any:
    return after(Failure(kind, "why"), losses, share, alone=alone)


def test_a_lost_worker_is_replaced_until_it_was_lost_too_often_without_a_report() -> None:
    for kind in (Loss.WORKER, Loss.NODE):
        assert [again(kind, losses) for losses in range(MAX_LOSSES)] == [Again()] * MAX_LOSSES
        assert again(kind, MAX_LOSSES) == Over("infra", "lost its worker 4 times without a new report: why")


def test_a_drained_or_preempted_node_never_counts() -> None:
    assert again(Loss.PREEMPTED, 99) == Again(counts=False)


def test_memory_of_the_machine_gives_a_trial_up_that_it_does_not_suffice_for() -> None:
    assert again(Loss.MEMORY, 0) == again(Loss.MEMORY, 0, alone=True) == Again()
    beside_others = again(Loss.MEMORY, MAX_LOSSES)
    assert beside_others.reason == "infra"
    assert "its machine had no memory for it 4 times without a new report: lower batch" in beside_others.evidence
    over = again(Loss.MEMORY, MAX_LOSSES, alone=True)
    assert over.reason == "infra"
    assert "one trial alone does not fit in the machine's memory: lower batch" in over.evidence


def test_memory_of_the_gpu_is_a_matter_of_the_share_and_at_a_whole_one_of_the_configuration() -> None:
    assert [again(Loss.GPU_MEMORY, 99, share) for share in (1 / 8, 1 / 4, 1 / 2)] == [Again(False, step) for step in (1 / 4, 1 / 2, 1.0)]
    assert again(Loss.GPU_MEMORY, 0, 1.0) == Over(
        "error", "does not fit on a whole GPU: lower batch, the networks' width, metrics.n_fake or score.n (why)"
    )


def test_memory_refused_on_the_cpu_is_asked_for_once_more() -> None:
    assert again(Loss.CPU_MEMORY) == Again()
    assert again(Loss.CPU_MEMORY, 1).reason == "error"

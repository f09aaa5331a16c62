"""Why a worker was lost, and what becomes of its trial: tried again, with a larger share of a GPU, or given up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ray.exceptions import OutOfMemoryError

from gantune.runtime.shares import larger, words
from gantune.stopping.verdict import Reason

MAX_LOSSES = 3  # of a trial's worker without a new report in between, before it is given up
DIED = "its worker died"
LOWER = "lower batch, the networks' width, metrics.n_fake or score.n"
ALONE = f"one trial alone does not fit in the machine's memory: {LOWER}, or take a machine with more"
CROWDED = f"its machine had no memory for it {MAX_LOSSES + 1} times without a new report: {LOWER}, or a larger resources.cpu"
WORDS = 300  # characters of an error that a reader needs
NO_MEMORY = re.compile(r"\b(?P<device>gpu|cpu) memory is used up: (?P<why>.*)")  # see gantune.runtime.work
ON_PURPOSE = ("node was preempted", "node was terminated expectedly", "node was terminated: ")  # Ray's words for a drained node
FIELD = re.compile(r"\s*(class_name|actor_id|pid|name|namespace|ip): ")  # what Ray says of an actor beside why it died
OUT_OF_REACH = ("node was terminated unexpectedly", "node has died", "is unavailable")


class Loss(StrEnum):
    """What took the worker."""

    WORKER = "worker"  # it died, or its disk or the network failed it
    NODE = "node"  # its machine is gone or out of reach
    PREEMPTED = "preempted"  # its machine was drained or taken back, as spot machines are
    MEMORY = "memory"  # Ray killed it, as its machine ran out of memory
    GPU_MEMORY = "gpu_memory"  # its trial found no more memory on the GPU
    CPU_MEMORY = "cpu_memory"  # its trial was refused memory on the CPU


@dataclass(frozen=True)
class Failure:
    """One loss, with what is known of its cause in a line."""

    kind: Loss
    why: str


@dataclass(frozen=True)
class Again:
    """Go on from the checkpoint; `counts` towards giving up, and `share` of a GPU where it must be a larger one."""

    counts: bool = True
    share: float | None = None


@dataclass(frozen=True)
class Over:
    """Give the trial up."""

    reason: str
    evidence: str


def failure_of(error: BaseException | str, *, leaving: bool = False) -> Failure:
    """What Ray or the worker says, as an error or as the words that were kept of one. `leaving` says that the worker's node is being
    drained or was: the first sign of its end is often only a connection that breaks."""
    told = str(error)
    lines = [line.strip() for line in told.splitlines() if line.strip() and not FIELD.match(line)]
    why = lines[-1].split(" Worker exit type")[0][:WORDS] if lines else DIED
    full = NO_MEMORY.search(told)
    if full is not None:
        return Failure(Loss.GPU_MEMORY if full["device"] == "gpu" else Loss.CPU_MEMORY, full["why"][:WORDS])
    if isinstance(error, OutOfMemoryError) or "low on memory" in told:
        return Failure(Loss.MEMORY, why)
    if leaving or any(words in told for words in ON_PURPOSE):
        return Failure(Loss.PREEMPTED, why)
    return Failure(Loss.NODE if any(words in told for words in OUT_OF_REACH) else Loss.WORKER, why)


def after(failure: Failure, losses: int, share: float, *, alone: bool) -> Again | Over:
    """What becomes of a trial that was lost to `failure` with `share` of a GPU, after `losses` of that kind since its last new report.

    `alone` says that no more than one trial was run at a time.
    """
    kind, why = failure.kind, failure.why
    if kind is Loss.PREEMPTED:
        return Again(counts=False)
    if kind is Loss.GPU_MEMORY:
        more = larger(share)
        if more is None:
            return Over(str(Reason.ERROR), f"does not fit on {words(share)}: {LOWER} ({why})")
        return Again(counts=False, share=more)
    if kind is Loss.CPU_MEMORY:
        return Again() if losses == 0 else Over(str(Reason.ERROR), f"memory was refused twice: {LOWER} ({why})")
    if losses < MAX_LOSSES:
        return Again()
    if kind is Loss.MEMORY:
        return Over(str(Reason.INFRA), f"{ALONE if alone else CROWDED} ({why})")
    return Over(str(Reason.INFRA), f"lost its worker {losses + 1} times without a new report: {why}")

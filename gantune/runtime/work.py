"""The worker's side: opens what a plan names, takes it one report further at a time, and turns mistakes into results.

Knows nothing of Ray, and of trials only what an *opener* gives: an object with `points`, `verdict` and `advance()`. So the whole
scheduling can be run over a synthetic objective.
"""

from __future__ import annotations

import errno
import gc
import importlib
import random
import sys
import traceback
from typing import Any, Protocol

from gantune.runtime.marker import check_seen

Plan = dict[str, Any]
Result = dict[str, Any]

TRIAL = "gantune.runtime.work:open_trial"
SCORE = "gantune.runtime.work:score_trial"
PROBE = "gantune.runtime.memory_probe:measure"
OF_DISKS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE}
OF_NETWORKS = {errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.EHOSTUNREACH}
PASSING = OF_DISKS | OF_NETWORKS
GPU_IS_FULL = ("CUDA out of memory", "CUDA error: out of memory", "cudaErrorMemoryAllocation", "CUBLAS_STATUS_ALLOC_FAILED")
CPU_IS_FULL = "DefaultCPUAllocator: can't allocate memory"


class OutOfMemory(Exception):
    """A trial found no memory left on its `device`, gpu or cpu. Another attempt with more of it may work, so that it is no end."""

    def __init__(self, device: str, why: str) -> None:
        super().__init__(device, why)  # what a journey between processes needs to make it again
        self.device, self.why = device, why

    def __str__(self) -> str:
        return f"{self.device} memory is used up: {self.why}"  # by which gantune.runtime.failures knows it


class Unit(Protocol):
    """What an opener gives: a run that continues by itself from its own folder."""

    points: list[dict[str, float]]
    verdict: Any  # None while running, else with .reason and .evidence

    def advance(self) -> dict[str, float]: ...


def open_trial(plan: Plan) -> Unit:
    """The real thing: a GAN in training."""
    from gantune.trial import Trial, TrialPlan

    trial: Unit = Trial(TrialPlan.from_json(plan))
    return trial


def score_trial(plan: Plan, *, seed: int, n: int) -> dict[str, Any]:
    """A trial's best checkpoint on `n` fresh samples."""
    from gantune.trial import TrialPlan, score

    return score(TrialPlan.from_json(plan), seed=seed, n=n)


class Work:
    """One trial after another, in one process."""

    def __init__(self, opener: str = TRIAL) -> None:
        self._opener = opener
        self._plan: Plan | None = None
        self._unit: Unit | None = None

    def start(self, plan: Plan) -> None:
        """Take up `plan` at the next step. Never fails, since Ray's reuse of actors does not survive a failure here."""
        self._unit = None
        self._plan = plan
        _fresh_process_state(int(plan.get("values", {}).get("seed", 0)))

    def drop(self) -> None:
        """Let go of the run, and of its memory."""
        self._unit = None
        _free_memory()

    def step(self) -> Result:
        """One report further: `points` the driver may lack, `verdict`, or `error`.

        The first step of a continued run only tells its whole curve, so that the driver decides before more is trained.
        """
        assert self._plan is not None, "start comes before step"
        try:
            if self._unit is None:
                check_seen(self._plan)
                self._unit = resolve(self._opener)(self._plan)
                if self._unit.points:
                    return self._result(self._unit.points)
            return self._result([self._unit.advance()])
        except Exception as error:  # whatever the configuration causes is that trial's result, and stops no other
            short = out_of_memory(error)
            if short is not None:
                raise short from error
            if is_passing(error):
                raise
            return {"trial": self._plan["trial"], "points": [], "verdict": None, "error": last_line(error)}

    def _result(self, points: list[dict[str, float]]) -> Result:
        assert self._plan is not None
        assert self._unit is not None
        verdict = self._unit.verdict
        told = None if verdict is None else [str(verdict.reason), str(verdict.evidence)]
        return {"trial": self._plan["trial"], "points": [dict(point) for point in points], "verdict": told, "error": None}


def resolve(ref: str) -> Any:
    """The object named `module:attribute`."""
    module, _, name = ref.partition(":")
    return getattr(importlib.import_module(module), name)


def is_passing(error: Exception) -> bool:
    """Whether the machine is to blame, so that another attempt elsewhere may work. A broken CUDA context needs a new process."""
    cause: BaseException | None = error
    while cause is not None:  # a full disk of the cache is told in other words
        if (isinstance(cause, OSError) and cause.errno in PASSING) or "CUDA error" in str(cause):
            return True
        cause = cause.__cause__
    return False


def out_of_memory(error: Exception) -> OutOfMemory | None:
    """The error as one of memory, if it is one: the driver then gives the trial to a fresh worker."""
    device = full_device(error)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return None if device is None else OutOfMemory(device, lines[0][:300])


def full_device(error: Exception) -> str | None:
    """Whose memory ran out, if that is what happened. Told by names and words, so that torch need not be there."""
    text = str(error)
    of_torch = any(kind.__name__ == "OutOfMemoryError" and kind.__module__.startswith("torch") for kind in type(error).__mro__)
    if of_torch or any(words in text for words in GPU_IS_FULL):
        return "gpu"
    return "cpu" if isinstance(error, MemoryError) or CPU_IS_FULL in text else None


def last_line(error: BaseException) -> str:
    """`ValueError: what happened (file.py, line 12)`."""
    text = traceback.format_exception_only(error)[-1].strip()
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename.rsplit('/', 1)[-1]}, line {frames[-1].lineno})" if frames else ""
    return f"{text}{where}"


def _fresh_process_state(seed: int) -> None:
    """No trial may feel which trials its process ran before."""
    random.seed(seed)
    torch = sys.modules.get("torch")
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
    if torch is not None:
        torch.manual_seed(seed)
    _free_memory()


def _free_memory() -> None:
    """What no object holds any more, on the GPU, too."""
    torch = sys.modules.get("torch")
    if torch is not None:
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()

"""The worker's side alone: what becomes of curves, verdicts and mistakes."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest

from gantune.errors import UserError
from gantune.runtime import work, workers
from gantune.runtime.work import Work, is_passing, last_line
from gantune.runtime.workers import Worker


class Unit:
    """Three reports, then a budget."""

    def __init__(self, plan: dict[str, Any]) -> None:
        if plan.get("broken"):
            raise plan["broken"]
        self.points = list(plan.get("points", []))
        self.verdict = plan.get("verdict")

    def advance(self) -> dict[str, float]:
        self.points.append({"kimg": len(self.points) + 1.0})
        if len(self.points) == 3:
            self.verdict = SimpleNamespace(reason="budget", evidence="done")
        return self.points[-1]


@pytest.fixture
def worker() -> Work:
    return Work(f"{__name__}:Unit")


def test_a_fresh_run_tells_one_point_a_step(worker: Work) -> None:
    worker.start({"trial": "0001"})
    results = [worker.step() for _ in range(3)]
    assert [[point["kimg"] for point in result["points"]] for result in results] == [[1], [2], [3]]
    assert [result["verdict"] for result in results] == [None, None, ["budget", "done"]]


def test_a_continued_run_tells_its_whole_curve_before_it_trains_on(worker: Work) -> None:
    worker.start({"trial": "0001", "points": [{"kimg": 1.0}, {"kimg": 2.0}]})
    first = worker.step()
    assert [point["kimg"] for point in first["points"]] == [1, 2]
    assert worker.step()["verdict"] == ["budget", "done"]


def test_a_finished_run_tells_its_verdict_and_does_not_train(worker: Work) -> None:
    verdict = SimpleNamespace(reason="plateau", evidence="flat")
    worker.start({"trial": "0001", "points": [{"kimg": 9.0}], "verdict": verdict})
    assert worker.step()["verdict"] == ["plateau", "flat"]


def test_a_mistake_is_a_result_with_its_last_line(worker: Work) -> None:
    worker.start({"trial": "0001", "broken": ValueError("beta1 3")})
    error = worker.step()["error"]
    assert error.startswith("ValueError: beta1 3 (test_work.py, line ")
    worker.start({"trial": "0002"})
    assert worker.step()["error"] is None, "the next trial in this process is none the worse"


@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "full"), RuntimeError("CUDA error: an illegal memory access")])
def test_what_is_the_machines_fault_is_raised_so_that_ray_tries_again(worker: Work, problem: Exception) -> None:
    worker.start({"trial": "0001", "broken": problem})
    with pytest.raises(type(problem)):
        worker.step()


class OutOfMemoryError(RuntimeError):
    """As torch's, which need not be there."""

    __module__ = "torch"


@pytest.mark.parametrize(
    ("problem", "device"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nGPU 0 has a total capacity of"), "gpu"),
        (type("OutOfMemoryError", (OutOfMemoryError,), {})("HIP out of memory"), "gpu"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"), "gpu"),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"), "gpu"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"), "cpu"),
        (MemoryError(), "cpu"),
    ],
)
def test_memory_that_ran_out_is_no_end_of_the_trial_but_a_matter_for_the_driver(worker: Work, problem: Exception, device: str) -> None:
    worker.start({"trial": "0001", "broken": problem})
    with pytest.raises(work.OutOfMemory) as caught:
        worker.step()
    assert caught.value.device == device
    assert "\n" not in caught.value.why
    assert caught.value.why


def test_an_error_that_only_speaks_of_memory_is_the_trials_own(worker: Work) -> None:
    worker.start({"trial": "0001", "broken": ValueError("memory: a number is needed")})
    assert worker.step()["error"].startswith("ValueError: memory")


def test_a_missing_file_is_no_passing_trouble() -> None:
    assert not is_passing(FileNotFoundError(errno.ENOENT, "no such file"))
    assert is_passing(ConnectionResetError(errno.ECONNRESET, "reset"))


def test_each_trial_begins_with_the_same_random_state(worker: Work) -> None:
    import random

    import numpy as np
    import torch

    drawn = []
    for _ in range(2):
        worker.start({"trial": "0001", "values": {"seed": 5}})
        drawn.append((random.random(), float(np.random.rand()), float(torch.rand(1))))
    assert drawn[0] == drawn[1]


def test_the_last_line_names_file_and_line() -> None:
    with pytest.raises(ValueError) as caught:
        work.resolve("json:loads")("{")
    assert last_line(caught.value).startswith("json.decoder.JSONDecodeError: ")
    assert "(decoder.py, line " in last_line(caught.value)


def test_a_full_disk_behind_another_error_is_the_machines_fault(worker: Work) -> None:
    told = UserError("cache /c: cannot be written")
    told.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_passing(told)
    told.__cause__ = OSError(errno.EACCES, "Permission denied")
    assert not is_passing(told)


def test_a_score_finds_the_memory_free_that_training_took(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[object] = []
    scoring = Worker("json:loads", "json:loads")
    scoring._work._unit = SimpleNamespace(points=[])  # type: ignore[assignment]  # any object would do
    monkeypatch.setattr(workers, "resolve", lambda ref: lambda plan, seed, n: held.append(scoring._work._unit))
    scoring.score({"trial": "x"}, 0, 1)
    assert held == [None]

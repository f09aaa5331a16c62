"""Ray Tune around a director that only hands out trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ray
from ray.exceptions import OutOfMemoryError

from gantune.runtime import tuning
from gantune.runtime.session import session
from gantune.runtime.stopping import Halt, StopRequests
from gantune.runtime.tuning import run_search

TRIALS, SLOTS = 40, 2


class HandsOut:
    """Trials of one report."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun, self._running = 0, 0
        self.ended: list[str] = []

    @property
    def is_exhausted(self) -> bool:
        return self._begun == TRIALS

    def next_plan(self) -> dict[str, Any] | None:
        if self.is_exhausted or self._running == SLOTS:
            return None
        name = f"{self._begun:04d}"
        self._begun, self._running = self._begun + 1, self._running + 1
        values, folder = {"lr_g": 1e-3}, self._folder / "trials" / name
        return {"trial": name, "values": values, "folder": str(folder), "kimg": 4.0, "report_every": 4.0}

    def take(self, result: dict[str, Any]) -> bool:
        assert result["error"] is None
        self._running -= 1
        self.ended.append(result["trial"])
        return True


@pytest.mark.slow
def test_short_trials_need_one_worker_for_each_slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    (tmp_path / "sweep.json").touch()
    director = HandsOut(tmp_path)
    with session(local=True, cpus=SLOTS):
        run_search(director, StopRequests(tmp_path), storage=tmp_path / "ray", slots=SLOTS, cpu=1, gpu=0, opener="synthetic:Synthetic")  # type: ignore[arg-type]  # all of a director that Tune needs here
        workers = len(ray._private.state.actors())
    assert sorted(director.ended) == [f"{number:04d}" for number in range(TRIALS)]
    assert workers == SLOTS


def fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception) -> None:
    """Tune's run with `error` in the middle."""

    def run(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(tuning.tune, "run", run)
    run_search(None, None, storage=tmp_path / "0", slots=1, cpu=1, gpu=0)  # type: ignore[arg-type]  # never asked


def test_workers_killed_for_memory_halt_the_sweep_and_other_errors_stay_what_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = RuntimeError("Caught unexpected exception: 2 worker(s) were killed due to the node running low on memory")
    error.__cause__ = OutOfMemoryError("2 worker(s) were killed")
    with pytest.raises(Halt, match=r"their machine ran out of memory; a sweep with --set resources\.cpu=2"):
        fails(monkeypatch, tmp_path, error)
    with pytest.raises(RuntimeError, match="of another kind"):
        fails(monkeypatch, tmp_path, RuntimeError("of another kind"))

"""Ray Tune around a director that only hands out trials."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import OutOfMemoryError

from gantune.runtime import tuning
from gantune.runtime.failures import Failure, Loss
from gantune.runtime.machines import Machine
from gantune.runtime.session import session
from gantune.runtime.stopping import StopRequests
from gantune.runtime.tuning import run_search
from gantune.runtime.watchdog import ClusterView, Watchdog

TRIALS, SLOTS = 40, 2
WATCHDOG = Watchdog(lambda: ClusterView((Machine(2, 0),), 0, 0, 2, 0, 0), lambda why: None)


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

    def share_of(self, trial: str) -> float:
        return 0.0

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
        run_search(director, StopRequests(tmp_path), WATCHDOG, storage=tmp_path / "ray", slots=SLOTS, cpu=1, opener="synthetic:Synthetic")  # type: ignore[arg-type]  # all of a director that Tune needs here
        workers = len(ray._private.state.actors())
    assert sorted(director.ended) == [f"{number:04d}" for number in range(TRIALS)]
    assert workers == SLOTS


class Recorder:
    """A director of whom only its losses matter."""

    def __init__(self) -> None:
        self.killed: list[Failure] = []

    @property
    def is_exhausted(self) -> bool:
        return len(self.killed) == 2

    def killed_for_memory(self, failure: Failure) -> None:
        self.killed.append(failure)


def search(folder: Path, director: Recorder, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tune's run with `error` in the middle."""

    def run(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(tuning.tune, "run", run)
    run_search(director, StopRequests(folder), WATCHDOG, storage=folder / "0", slots=1, cpu=1)  # type: ignore[arg-type]  # all of a director that is needed here


def test_workers_killed_for_memory_begin_the_search_again_and_other_errors_stay_what_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = RuntimeError("Caught unexpected exception: 2 worker(s) were killed due to the node running low on memory")
    error.__cause__ = OutOfMemoryError("2 worker(s) were killed")
    director = Recorder()
    search(tmp_path, director, error, monkeypatch)
    assert director.killed == [Failure(Loss.MEMORY, "2 worker(s) were killed")] * 2
    with pytest.raises(RuntimeError, match="of another kind"):
        search(tmp_path, Recorder(), RuntimeError("of another kind"), monkeypatch)


def test_each_of_tunes_trials_has_one_life_and_its_loss_is_told_with_tunes_words(tmp_path: Path) -> None:
    told: list[tuple[str, Failure]] = []
    director = SimpleNamespace(
        next_plan=lambda: {"trial": "0007"}, share_of=lambda trial: 0.25, lost=lambda trial, failure: told.append((trial, failure))
    )
    searcher = tuning.DirectedSearch(director, "x:y", 2)  # type: ignore[arg-type]  # all of a director that is needed here
    scheduler = tuning.DirectedScheduler(director, StopRequests(tmp_path), searcher, WATCHDOG)  # type: ignore[arg-type]
    config = searcher.suggest("a")
    assert isinstance(config, dict)
    assert (config["cpu"], config["gpu"]) == (2, 0.25)
    (tmp_path / "error.txt").write_text("Failure # 2\nThe actor died\n\tthe actor's node was preempted: spot notice\n")
    trial = SimpleNamespace(trial_id="a", error_file=str(tmp_path / "error.txt"), run_metadata=SimpleNamespace(num_failures=0))
    scheduler.on_trial_add(None, trial)
    assert trial.run_metadata.num_failures > 0, "else Tune runs a preempted one again without asking"
    scheduler.on_trial_error(None, trial)
    searcher.on_trial_complete("a", error=True)
    searcher.on_trial_complete("a", error=True)
    assert told == [("0007", Failure(Loss.PREEMPTED, "the actor's node was preempted: spot notice"))]
    searcher.suggest("b")
    searcher.on_trial_complete("b")
    assert len(told) == 1, "an end is no loss"

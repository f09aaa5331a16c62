"""kill -9 at any moment, then resume: nothing lost, nothing twice, nothing again."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from driver import spec
from mlflow import MlflowClient
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from processes import DriverProcess, events, opened

from gantune.runtime.ledger import Ledger
from gantune.runtime.pruning import Asha, open_pruner
from gantune.runtime.replaying import replay
from gantune.tracking.record import SweepRecord


@contextmanager
def driver(folder: Path, *flags: str, **env: Any) -> Iterator[DriverProcess]:
    process = DriverProcess(folder, *flags, **env)
    try:
        yield process
    finally:
        process.clean_up()


def run_with_kills(folder: Path, kills: int, seed: int) -> list[set[str]]:
    """A sweep killed `kills` times in its search; gives the trials that had ended at each kill."""
    dice = random.Random(seed)
    ended = []
    for attempt in range(kills):
        with driver(folder, *(["--resume"] if attempt else []), seconds=0.15) as process:
            process.wait_for(len(events(folder)) + dice.randint(4, 10))
            time.sleep(dice.uniform(0, 0.2))
            process.kill_group()
            ended.append({event["trial"] for event in events(folder) if event["kind"] == "end"})
            assert not process.leftovers()
    with driver(folder, "--resume", seconds=0.02) as process:
        process.finish()
        assert not process.leftovers()
    return ended


def assert_whole(folder: Path, ended: list[set[str]]) -> None:
    told = events(folder)
    trials = [event["trial"] for event in told if event["kind"] == "trial"]
    assert trials == [f"{number:04d}" for number in range(12)]
    assert Counter(e["trial"] for e in told if e["kind"] == "end") == Counter(dict.fromkeys(trials, 1))
    points = Counter((event["trial"], event["point"]["kimg"]) for event in told if event["kind"] == "report")
    assert set(points.values()) == {1}
    for trial in trials:
        checkpoint = json.loads((folder / "trials" / trial / "last.pt").read_text())["points"]
        assert [event["point"] for event in told if event["kind"] == "report" and event["trial"] == trial] == checkpoint

    names = opened(folder)
    drivers = sum(event["kind"] == "driver" for event in told)
    for trial in trials:  # opened again only by the drivers that found it unfinished
        finals = sum(name.startswith(f"{trial}-s") for name in names)
        assert names.count(trial) + finals <= drivers + finals
    for index, done in enumerate(ended):
        later = {event["trial"] for event in told[position(told, index + 2) :] if event["kind"] in ("requeue", "report", "trial")}
        assert not later & done, "a finished trial was taken up again"

    assert rungs(told) == json.loads((folder / "rungs.json").read_text())
    history = [event for event in told if event["kind"] == "end"]
    assert {event["state"] for event in history} <= {"complete", "pruned"}
    assert states_in(folder / "optuna.journal") == Counter(event["state"] for event in history)
    assert SweepRecord.load(folder).status == "complete"
    assert_mlflow_is_whole(folder)


def assert_mlflow_is_whole(folder: Path) -> None:
    """One run a trial, every point of its curve once and none missing."""
    client = MlflowClient(f"sqlite:///{folder.parent / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments)
    names = Counter(run.data.tags["gantune.id"] for run in runs)
    record = SweepRecord.load(folder)
    for trial in record.trials:
        assert names[trial.id] == 1
        run = next(run for run in runs if run.data.tags["gantune.id"] == trial.id)
        history = client.get_metric_history(run.info.run_id, "fid")
        assert sorted((entry.step, entry.value) for entry in history) == [(point["images"], point["fid"]) for point in trial.points]


def states_in(journal: Path) -> Counter[str]:
    """The states of the study's trials in the file that optuna-dashboard opens."""
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name=journal.parent.name, storage=storage)
    return Counter(trial.state.name.lower() for trial in study.trials)


def position(told: list[dict[str, Any]], segment: int) -> int:
    """Where a driver's segment begins."""
    return next(index for index, event in enumerate(told) if event["kind"] == "driver" and event["segment"] == segment)


def rungs(told: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The rungs that a full replay gives."""
    wanted = spec()
    pruner = open_pruner(wanted.scheduler, mode="min", kimg=wanted.budget.kimg, report_every=wanted.budget.report_every)
    assert isinstance(pruner, Asha)
    replay(told, Ledger("fid", "min", 12), pruner)
    return {str(at): held for at, held in pruner.rungs.items()}


def test_a_sweep_killed_once_is_whole_after_resume(tmp_path: Path) -> None:
    folder = tmp_path / "synthetic-1"
    assert_whole(folder, run_with_kills(folder, kills=1, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sweep_killed_five_times_is_whole_after_resume(tmp_path: Path) -> None:
    folder = tmp_path / "synthetic-1"
    assert_whole(folder, run_with_kills(folder, kills=5, seed=0))

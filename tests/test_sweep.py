"""A sweep from end to end over synthetic trials: its phases, its interruptions, and what a resume adds."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "runtime"))

from driver import spec
from processes import DriverProcess, events, opened

from gantune import sweep
from gantune.errors import UserError
from gantune.runtime.machines import Machine
from gantune.runtime.session import Session
from gantune.sweep import resume_sweep, run_sweep, stop_sweep
from gantune.tracking.lock import driver_lock
from gantune.tracking.record import SweepRecord
from gantune.tracking.store import freeze

FOLDER = "synthetic-1"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[DriverProcess]]:
    """Drivers that a test starts; all gone afterwards."""
    drivers: list[DriverProcess] = []
    yield drivers
    for driver in drivers:
        driver.clean_up()


def ends(folder: Path) -> dict[str, str]:
    return {event["trial"]: event["reason"] for event in events(folder) if event["kind"] == "end"}


def without_ray(**given: object) -> contextlib.AbstractContextManager[Session]:
    return contextlib.nullcontext(Session(None, (Machine(2, 0),)))


def test_a_sweep_that_another_driver_has_begun_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "session", without_ray)
    folder = tmp_path / FOLDER
    folder.mkdir()
    with driver_lock(folder), pytest.raises(UserError, match="is being run by process"):
        run_sweep(spec(), folder)
    assert not (folder / "sweep.json").exists()
    freeze(folder, spec(trials=5).to_json())
    before = (folder / "sweep.json").read_text()
    with pytest.raises(UserError, match=f"holds a sweep already.*gantune resume {FOLDER}"):
        run_sweep(spec(), folder)
    assert (folder / "sweep.json").read_text() == before


def test_a_cluster_whose_nodes_do_not_share_the_folder_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise UserError(f"node b: does not see {folder}")

    monkeypatch.setattr(sweep, "session", lambda **given: contextlib.nullcontext(Session("10.0.0.1:6379", (Machine(2, 0),))))
    monkeypatch.setattr(sweep, "check_cluster", refuse)
    with pytest.raises(UserError, match="node b: does not see"):
        run_sweep(spec(), tmp_path / FOLDER)
    assert not list((tmp_path / FOLDER).iterdir())


def test_on_this_machine_alone_no_node_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "session", lambda **given: contextlib.nullcontext(Session(None, (Machine(2, 0),))))
    monkeypatch.setattr(sweep, "check_cluster", lambda folder: pytest.fail("asked"))
    with driver_lock(tmp_path), pytest.raises(UserError, match="is being run by process"):
        run_sweep(spec(), tmp_path)


def test_a_running_sweep_is_not_resumed_and_no_ray_is_started_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "session", lambda **given: pytest.fail("Ray was started"))
    freeze(tmp_path, spec().to_json())
    with driver_lock(tmp_path), pytest.raises(UserError, match="is being run by process"):
        resume_sweep(tmp_path)


def test_a_trial_can_be_stopped_and_sigterm_leaves_a_resumable_sweep_within_five_seconds(
    tmp_path: Path, started: list[DriverProcess]
) -> None:
    folder = tmp_path / FOLDER
    driver = DriverProcess(folder, "--no-scheduler", "--trials", "4", seconds=1.0)
    started.append(driver)
    driver.wait_for(2, "trial")
    driver.wait_for(1, "report")
    with pytest.raises(UserError, match=r"no trial '77'"):
        stop_sweep(folder, "77")
    stop_sweep(folder, "1")
    while "0001" not in (ended := ends(folder)):
        driver.wait_for(len(ended) + 1, "end")
    assert [trial for trial, reason in ended.items() if reason == "user"] == ["0001"]
    with pytest.raises(UserError, match="has ended already"):
        stop_sweep(folder, "1")
    driver.look()
    asked = time.monotonic()
    os.kill(driver.process.pid, signal.SIGTERM)
    assert driver.process.wait(20) == 130
    assert time.monotonic() - asked < 5
    assert driver.process.stdout is not None
    assert f"SIGTERM: {FOLDER} stopped. Go on with: gantune resume {FOLDER}" in driver.process.stdout.read()
    assert not driver.leftovers()
    assert SweepRecord.load(folder).status == "stopped"
    with pytest.raises(UserError, match="is not running"):
        stop_sweep(folder)

    again = DriverProcess(folder, "--resume", seconds=0.02)
    started.append(again)
    again.finish()
    record = SweepRecord.load(folder)
    assert record.status == "complete"
    assert len(record.trials) == 4
    assert ends(folder)["0001"] == "user", "what the user stopped stays stopped"


def test_broken_configurations_and_dead_workers_stop_no_other_and_more_trials_extend_a_finished_sweep(
    tmp_path: Path, started: list[DriverProcess]
) -> None:
    folder = tmp_path / FOLDER
    driver = DriverProcess(folder, "--trials", "6", seconds=0.02, SYNTHETIC_BROKEN="0003", SYNTHETIC_DIES="0002@2")
    started.append(driver)
    driver.finish()
    assert not driver.leftovers()
    record = SweepRecord.load(folder)
    broken, died = record.trials[3], record.trials[2]
    assert (broken.state, broken.reason) == ("failed", "error")
    assert str(broken.evidence).startswith("ValueError: this configuration cannot be opened (synthetic.py, line ")
    assert [event["trial"] for event in events(folder) if event["kind"] == "requeue"] == ["0002"]
    assert Counter(point["kimg"] for point in died.points).most_common(1)[0][1] == 1
    assert died.state in ("complete", "pruned")
    assert opened(folder).count("0003") == 1, "a mistake is not tried again"
    assert len(record.trials) == 6
    assert record.trials[0].origin == "canonical"
    assert [trial.id for trial in record.trials if trial.score] == [trial.id for trial in record.trials if trial.fid is not None]
    assert Counter(final.who for final in record.finals) == {"canonical": 2, str(record.best.id if record.best else ""): 2}
    assert len({final.seed for final in record.finals}) == 2
    assert (folder / "report" / "index.html").is_file()

    before = opened(folder)
    again = DriverProcess(folder, "--resume", "--more", "2", seconds=0.02)
    started.append(again)
    again.finish()
    extended = SweepRecord.load(folder)
    assert [trial.id for trial in extended.trials] == [f"{number:04d}" for number in range(8)]
    later = opened(folder)[len(before) :]
    assert not set(later) & {f"{number:04d}" for number in range(6)}, "what has ended is not run again"
    assert not [name for name in later if name.startswith("canonical")], "nor are the finals that there are"

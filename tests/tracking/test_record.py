from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from recorded_sweeps import PROVENANCE, end_trial, new_sweep, point, start_trial, write_sweep

from gantune.errors import UserError
from gantune.tracking.lock import driver_lock
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import Spool


def test_a_sweep_is_read_back(tmp_path: Path) -> None:
    record = SweepRecord.load(write_sweep(tmp_path))
    first, second, third = record.trials
    assert (first.id, first.origin, first.state, first.reason, first.fid, first.best_kimg) == (
        "0000",
        "canonical",
        "complete",
        "budget",
        10.0,
        20.0,
    )
    assert (second.state, second.reason, second.kimg, len(second.points)) == ("pruned", "asha", 8.0, 2)
    assert third.evidence == "because of budget"
    assert [final.id for final in record.finals] == ["0000-s0", "0000-s1"]
    assert [phase["phase"] for phase in record.phases] == ["search", "done"]
    assert record.spec["family"] == "dcgan"
    assert (record.name, record.status) == ("dcgan-1", "complete")


def test_the_first_report_of_a_kimg_counts_and_a_requeue_takes_the_end_back(tmp_path: Path) -> None:
    folder = new_sweep(tmp_path)
    with Spool(folder) as spool:
        trial = start_trial(spool, 0)
        spool.append("report", trial=trial, point=point(4, 50.0))
        spool.append("report", trial=trial, point=point(8, 40.0))
        end_trial(spool, trial, 40.0, 8, "infra", "failed")
        spool.append("requeue", trial=trial, why="resume")
        spool.append("report", trial=trial, point=point(8.0000001, 1.0))
    with driver_lock(folder):
        [read] = SweepRecord.load(folder).trials
    assert [p["fid"] for p in read.points] == [50.0, 40.0]
    assert (read.state, read.reason) == ("running", None)
    with Spool(folder) as spool:
        end_trial(spool, trial, 40.0, 8)
    assert SweepRecord.load(folder).trials[0].state == "complete"


def test_status_tells_running_interrupted_stopped_and_complete_apart(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, done=False)
    assert SweepRecord.load(folder).status == "interrupted"
    with driver_lock(folder):
        assert SweepRecord.load(folder).status == "running"
    with Spool(folder) as spool:
        spool.append("user", trial="0000", what="stop")
        assert SweepRecord.load(folder).status == "interrupted"
        spool.append("user", trial=None, what="stop")
        assert SweepRecord.load(folder).status == "stopped"
        spool.append("driver", segment=1)
        assert SweepRecord.load(folder).status == "interrupted"
        spool.append("phase", phase="done")
        assert SweepRecord.load(folder).status == "complete"


def test_a_trial_without_an_end_runs_only_while_somebody_runs_its_sweep(tmp_path: Path) -> None:
    folder = new_sweep(tmp_path)
    with Spool(folder) as spool:
        start_trial(spool, 0)
        end_trial(spool, start_trial(spool, 1), 40.0, 8)
    with driver_lock(folder):
        assert [trial.state for trial in SweepRecord.load(folder).trials] == ["running", "complete"]
    record = SweepRecord.load(folder)
    assert [trial.state for trial in record.trials] == ["interrupted", "complete"]
    assert [trial["state"] for trial in record.to_json()["trials"]] == ["interrupted", "complete"]


def test_the_floor_is_that_of_the_measure_which_ranks(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, trials=3, done=False)
    assert SweepRecord.load(folder).to_json()["floor"] is None
    with Spool(folder) as spool:
        about = {"metrics": {"fid": 5.0}, "provenance": PROVENANCE | {"n_floor": 1000}, "floor": {"fid": 0.28, "kid": math.nan}}
        spool.append("score", trial="0001", seed=1, n=1000, **about)
    assert SweepRecord.load(folder).to_json()["floor"] == {"fid": 0.28, "kid": None, "n": 1000}


def test_ranking_puts_scored_trials_first_and_never_mixes_settings(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, trials=6, done=False, curves=[10, 11, 12, 13, 1, 14])
    with Spool(folder) as spool:
        for trial, fid, n in (("0000", 30.0, 1000), ("0002", 20.0, 1000), ("0003", 5.0, 50)):
            spool.append("score", trial=trial, seed=1, n=n, metrics={"fid": fid}, provenance=PROVENANCE | {"n_fake": n}, floor={})
        start_trial(spool, 6)
    record = SweepRecord.load(folder)
    assert [trial.id for trial in record.ranked()] == ["0002", "0000", "0003", "0004", "0005", "0001", "0006"]
    assert record.best is not None
    assert record.best.id == "0002"


def test_json_has_the_promised_keys_and_no_nan(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path)
    with Spool(folder) as spool:
        spool.append("final", who="canonical", seed=0, kimg=20, seconds=1, metrics={"fid": math.nan}, provenance={}, floor={})
        trial = start_trial(spool, 3)
        spool.append("report", trial=trial, point=point(4, math.inf))
    content = json.loads(json.dumps(SweepRecord.load(folder).to_json(), allow_nan=False))
    assert {"sweep", "status", "objective", "trials", "finalists", "canonical", "best"} <= content.keys()
    wanted = {"id", "params", "state", "reason", "evidence", "kimg", "seconds", "fid", "metrics", "mlflow_run_id"}
    assert all(wanted <= trial.keys() for trial in content["trials"])
    assert content["trials"][3]["fid"] is None
    assert content["trials"][0]["metrics"] == {"fid": 9.5, "kid": None}
    assert [(one["who"], one["mean"]) for one in content["finalists"]] == [("0000", 9.5)]
    assert content["canonical"]["trial"] == "0000"
    assert content["best"] == "0000"


def test_a_folder_that_is_no_sweep_or_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no sweep"):
        SweepRecord.load(tmp_path)
    folder = write_sweep(tmp_path)
    (folder / "sweep.json").write_text('{"spec": {')
    with pytest.raises(UserError, match=r"sweep\.json is damaged"):
        SweepRecord.load(folder)

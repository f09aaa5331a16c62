from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mlflow_stores import assert_whole, files_of, runs_of, uri_of
from recorded_sweeps import end_trial, new_sweep, point, start_trial, write_sweep

from gantune.errors import UserError
from gantune.pictures import write_png
from gantune.tracking import replay as replay_module
from gantune.tracking.cursor import CURSOR, load_cursor, load_state, mlflow_run_ids, tracking_uri
from gantune.tracking.lock import driver_lock
from gantune.tracking.record import SweepRecord
from gantune.tracking.replay import Replay
from gantune.tracking.spool import Spool
from gantune.tracking.sync import sync
from gantune.tracking.tracker import Tracker, Unreachable


def test_a_sweep_becomes_a_parent_run_with_a_run_for_each_trial_and_finalist(runs: Path) -> None:
    folder = write_sweep(runs)
    result = sync(folder)
    uri = uri_of(runs)
    assert_whole(folder, uri)
    assert (result.runs, result.points) == (6, (12 + 2 * 2) * 4)
    found = {id: run for id, [run] in runs_of(uri).items()}
    parent, first, second = found["sweep"], found["0000"], found["0001"]
    assert first.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.params["budget.kimg"] == "20"
    assert (first.info.run_name, first.info.status, second.info.status, parent.info.status) == (
        "dcgan-1/0000",
        "FINISHED",
        "KILLED",
        "FINISHED",
    )
    assert first.data.params == {"lr_g": "0.0001", "k": "1", "features": "16", "optimiser": "adam", "k_table": "[[0, 1], [5, 2]]"}
    wanted = {"reason": "asha", "evidence": "because of asha", "state": "pruned", "origin": "sampler", "family": "dcgan", "data": "mnist5k"}
    assert wanted.items() <= second.data.tags.items()
    assert (second.data.tags["version.torch"], second.data.tags["searched"]) == ("2.15", "lr_g")
    assert first.data.metrics["score_fid"] == 9.5
    assert '"extractor": "mnist_cnn"' in first.data.tags["score.provenance"]
    assert found["0000-s1"].data.metrics["score_fid"] == 10.0
    assert found["0000-s1"].data.metrics["fid"] == 9.5, "a finalist has its curve, too"
    assert mlflow_run_ids(folder)["0001"] == second.info.run_id
    assert mlflow_run_ids(folder, "sqlite:////elsewhere") == {}
    assert (load_state(folder) or object()).state == "ok"  # type: ignore[union-attr]


def test_syncing_again_sends_nothing_and_what_is_new_alone(runs: Path) -> None:
    folder = write_sweep(runs, done=False)
    sync(folder)
    again = sync(folder)
    assert (again.points, again.runs, again.artifacts) == (0, 0, 0)
    with Spool(folder) as spool:
        trial = start_trial(spool, 3)
        spool.append("report", trial=trial, point=point(4, 7.0))
        spool.append("report", trial=trial, point=point(4, 8.0))  # a second one of this kimg does not count
        end_trial(spool, trial, 7.0, 4)
    assert sync(folder).points == 4
    assert_whole(folder, uri_of(runs))


def test_without_its_cursor_everything_is_found_again_and_nothing_doubled(runs: Path) -> None:
    folder = write_sweep(runs)
    write_png(folder / "trials" / "0000" / "grids" / "kimg_000004.png", np.zeros((4, 4, 1), dtype=np.uint8))
    sync(folder)
    before = {id: files_of(run) for id, [run] in runs_of(uri_of(runs)).items()}
    for damage in (Path.unlink, lambda path: path.write_text("{")):
        damage(folder / CURSOR)
        assert sync(folder).runs == 0
        assert_whole(folder, uri_of(runs))
    assert before == {id: files_of(run) for id, [run] in runs_of(uri_of(runs)).items()}


def test_a_deleted_store_and_another_uri_get_everything(runs: Path, tmp_path: Path, empty_store: Path) -> None:
    folder = write_sweep(runs)
    sync(folder)
    shutil.copy(empty_store, runs / "mlflow.db")
    assert sync(folder).runs == 6
    assert_whole(folder, uri_of(runs))
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    sync(folder, uri_of(tmp_path))
    assert_whole(folder, uri_of(tmp_path))


def test_two_sweeps_of_one_name_from_two_folders_keep_apart_in_one_store(runs: Path, tmp_path: Path) -> None:
    folders = [write_sweep(runs), write_sweep(tmp_path / "others")]
    for folder in folders:
        assert sync(folder, uri_of(runs)).runs == 6
    assert set(mlflow_run_ids(folders[0]).values()).isdisjoint(mlflow_run_ids(folders[1]).values())


def test_a_crash_between_batch_and_cursor_doubles_nothing(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sweep(runs, trials=4, reports=8)
    real, calls = Tracker.log, []

    def dies_after(self: Tracker, *given: object) -> None:
        real(self, *given)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == crash:
            raise KeyboardInterrupt

    monkeypatch.setattr(replay_module, "CHUNK", 10)
    for crash in (2, 4, 7):  # noqa: B007  # read by dies_after
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Tracker, "log", dies_after)
            with pytest.raises(KeyboardInterrupt):
                sync(folder)
    sync(folder)
    assert_whole(folder, uri_of(runs))


def test_a_crash_before_the_sweeps_run_was_filled_is_made_good(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sweep(runs, trials=1, done=False)

    def dies(self: Tracker, *given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "log", dies)
        with pytest.raises(KeyboardInterrupt):
            sync(folder)
    [parent] = runs_of(uri_of(runs))["sweep"]
    assert parent.data.params == {}
    sync(folder)
    [parent] = runs_of(uri_of(runs))["sweep"]
    assert parent.data.params["budget.kimg"] == "20"
    assert "sweep.json" in files_of(parent)


@pytest.mark.parametrize("crash", [2, 3, 6])
def test_a_crash_between_a_runs_creation_and_its_points_is_made_good(runs: Path, monkeypatch: pytest.MonkeyPatch, crash: int) -> None:
    folder = write_sweep(runs)
    real, calls = Tracker.create, []

    def dies_after(self: Tracker, *given: object) -> str:
        run = real(self, *given)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == crash:
            raise KeyboardInterrupt
        return run

    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "create", dies_after)
        with pytest.raises(KeyboardInterrupt):
            sync(folder)
    assert len(runs_of(uri_of(runs))) == crash
    sync(folder)
    assert_whole(folder, uri_of(runs))
    for id, [run] in runs_of(uri_of(runs)).items():
        assert run.info.status == ("KILLED" if id == "0001" else "FINISHED")
        assert run.data.params
        assert id == "sweep" or run.data.tags["state"] == ("pruned" if id == "0001" else "complete")


def test_values_that_are_not_finite_are_named_in_a_tag(runs: Path) -> None:
    folder = write_sweep(runs, trials=1, done=False)
    with Spool(folder) as spool:
        trial = start_trial(spool, 1)
        spool.append("report", trial=trial, point=point(4, float("inf"), d_loss=float("nan")))
        end_trial(spool, trial, None, 4, "diverged", "pruned")
    sync(folder)
    [run] = runs_of(uri_of(runs))["0001"]
    assert run.data.tags["not_finite"] == "d_loss, fid"
    assert set(run.data.metrics) == {"g_loss", "seconds"}


def test_files_and_pictures_become_artifacts_at_the_end_of_a_trial(runs: Path) -> None:
    folder = write_sweep(runs)
    trial = folder / "trials" / "0000"
    for name in ("best.pt", "last.pt", "generator.safetensors", "plan.json"):
        trial.mkdir(parents=True, exist_ok=True)
        (trial / name).write_text(name)
    for kimg in (4, 20):
        write_png(trial / "grids" / f"kimg_{kimg:06d}.png", np.zeros((4, 4, 1), dtype=np.uint8))
    (trial / "grids" / "kimg_000008.png").write_text("no picture")
    assert sync(folder).artifacts == 6
    [run] = runs_of(uri_of(runs))["0000"]
    files = files_of(run)
    assert {"checkpoints/best.pt", "checkpoints/last.pt", "generator/generator.safetensors", "generator/plan.json"} <= files
    pictures = sorted(name for name in files if name.startswith("images/samples") and name.endswith(".png"))
    assert [name.split("+")[2] for name in pictures] == ["20000", "4000"]
    assert (trial / "best.pt").stat().st_ino == (
        runs / "artifacts" / run.info.run_id / "artifacts" / "checkpoints" / "best.pt"
    ).stat().st_ino


def test_what_was_let_go_leaves_a_store_on_this_disk_too(runs: Path) -> None:
    folder = write_sweep(runs, done=False)
    trial = folder / "trials" / "0000"
    trial.mkdir(parents=True)
    for name in ("best.pt", "last.pt"):
        (trial / name).write_text(name)
    sync(folder)
    for name in ("last.pt", "best.pt"):
        with Spool(folder) as spool:
            spool.append("let_go", trial="0000", files=[name], bytes=7)
        (trial / name).unlink()
        sync(folder)
        [run] = runs_of(uri_of(runs))["0000"]
        assert f"checkpoints/{name}" not in files_of(run)
    assert run.data.tags["let_go"] == "last.pt, best.pt"
    assert SweepRecord.load(folder).trials[0].let_go == ["last.pt", "best.pt"]
    assert_whole(folder, uri_of(runs))


def test_a_trial_taken_up_again_is_running_again(runs: Path) -> None:
    folder = write_sweep(runs, done=False)
    sync(folder)
    [parent] = runs_of(uri_of(runs))["sweep"]
    assert parent.info.status == "KILLED"  # its driver is gone and did not finish
    with driver_lock(folder), Spool(folder) as spool:
        spool.append("driver", segment=1, pid=2, host="here", slots=2, versions={})
        spool.append("requeue", trial="0001", why="resume")
        sync(folder)
        found = {id: run for id, [run] in runs_of(uri_of(runs)).items()}
        assert (found["sweep"].info.status, found["0001"].info.status) == ("RUNNING", "RUNNING")
    sync(folder)
    found = {id: run for id, [run] in runs_of(uri_of(runs)).items()}
    assert (found["sweep"].info.status, found["0001"].info.status, found["0000"].info.status) == ("KILLED", "KILLED", "FINISHED")


def test_a_server_that_is_down_is_named_and_nothing_is_lost(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sweep(runs)
    down = "http://me:secret@127.0.0.1:9"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", down)
    assert tracking_uri(runs) == down
    with pytest.raises(UserError, match=r"^http://127\.0\.0\.1:9 does not take the runs of dcgan-1: (.|\n)*gantune sync dcgan-1"):
        sync(folder)
    state = load_state(folder)
    assert state is not None
    assert (state.state, state.pending) == ("unreachable", sum(1 for _ in SweepRecord.load(folder).events))
    assert (state.last_error, state.uri) == ("Connection refused", "http://127.0.0.1:9")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    sync(folder)
    assert_whole(folder, uri_of(runs))
    assert (load_state(folder) or state).state == "ok"


def test_a_disk_without_room_for_the_cursor_is_named_and_nothing_is_lost(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sweep(runs)

    def full(self: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        replay = Replay(folder, uri_of(runs))
        with pytest.raises(Unreachable, match="No space left on device") as caught:
            replay.advance()
        replay.failed(caught.value)  # nor has it room to say so
    replay.advance()
    assert_whole(folder, uri_of(runs))


def test_a_store_that_fails_midway_goes_on_from_its_cursor(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sweep(runs, trials=4)
    monkeypatch.setattr(replay_module, "CHUNK", 10)
    real, calls = Tracker.log, []

    def fails(self: Tracker, *given: object) -> None:
        calls.append(1)
        if len(calls) > 4:
            raise Unreachable("gone")
        real(self, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "log", fails)
        with pytest.raises(UserError, match="gone"):
            sync(folder)
    cursor = load_cursor(folder)
    assert cursor is not None
    assert cursor.offset > 0
    state = load_state(folder)
    assert state is not None
    assert 0 < state.pending < sum(1 for _ in SweepRecord.load(folder).events)
    sync(folder)
    assert_whole(folder, uri_of(runs))


def test_in_a_sweep_of_several_families_every_run_is_tagged_with_its_own(runs: Path) -> None:
    folder = new_sweep(runs, "zoo")
    about = json.loads((folder / "sweep.json").read_text())
    about["spec"]["family"] = ["dcgan", "wgan"]
    (folder / "sweep.json").write_text(json.dumps(about))
    with Spool(folder) as spool:
        for number, family in enumerate(("dcgan", "wgan")):
            end_trial(spool, start_trial(spool, number, params={"family": family}), 30.0, 4.0)
        for who in ("0001", "canonical-dcgan"):
            spool.append("final", who=who, seed=7, kimg=4.0, seconds=1.0, metrics={"fid": 9.0}, provenance={}, floor={})
    sync(folder)
    found = {id: run.data for id, [run] in runs_of(uri_of(runs), "zoo").items()}
    assert {id: run.tags["family"] for id, run in found.items()} == {
        "sweep": "dcgan, wgan",
        "0000": "dcgan",
        "0001": "wgan",
        "0001-s7": "wgan",
        "canonical-dcgan-s7": "dcgan",
    }
    assert found["0001"].params["family"] == "wgan"

"""The verbs end to end: a small real sweep on points, and what a person does with it afterwards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from gantune import cli
from gantune.cli.live import showing
from gantune.errors import UserError
from gantune.families import family_names
from gantune.runtime.live import TrialView
from gantune.spec import load_sweep
from gantune.tracking.cursor import TrackingState
from gantune.tracking.spool import Spool
from gantune.tracking.store import freeze
from gantune.tracking.sync import sync

SWEEP = """
family: gan
space: {lr_g: {log: [1e-4, 1e-2]}, lr_ratio: {log: [0.1, 10]}}
data: ring8
fixed: {hidden: 16, layers: 1, latent_dim: 4, batch: 50}
budget: {trials: 3, kimg: 2, report_every: 0.5}
finalists: {top: 1, seeds: 2}
score: {n: 500}
metrics: {n_fake: 300}
"""


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli._run(list(arguments), debug=True) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sweep_without_its_tracker_from_start_to_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nothing listens there
    text, space = SWEEP.split("space: ")[0], SWEEP.split("space: ")[1].splitlines()[0]
    (tmp_path / "search_spaces").mkdir()
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "search_spaces" / "small.yaml").write_text(space)
    (tmp_path / "sweeps" / "small.yaml").write_text(text + "space: small\n" + "\n".join(SWEEP.split("space: ")[1].splitlines()[1:]))

    out = say(capsys, "sweep", "small", "--local")
    assert "MLflow" in out, "the user is told that MLflow is behind"
    assert "Re-run with 2 fresh seeds" in out

    shown = json.loads(say(capsys, "show", "small", "--json"))
    assert {"sweep", "status", "objective", "trials", "finalists", "canonical", "best", "floor"} <= shown.keys()
    assert shown["status"] == "complete"
    keys = {"id", "params", "state", "reason", "evidence", "kimg", "seconds", "fid", "metrics", "mlflow_run_id"}
    assert all(keys <= trial.keys() for trial in shown["trials"])
    assert len({trial["id"] for trial in shown["trials"]}) == 3
    assert [run["seed"] for run in shown["canonical"]["runs"]] == [1000, 1001]

    table = say(capsys, "show", "latest")
    assert "small-1" in table
    assert f"floor: fid {shown['floor']['fid']:.2f}, which {shown['floor']['n']:,} real, held-out examples read" in table
    assert json.loads(say(capsys, "ls", "--json"))[0]["trials"] == 3
    say(capsys, "sample", "small-1/0", "--out", "points.npz", "--n", "20")
    assert "3 ends judged alike, 0 otherwise" in say(capsys, "replay", "small-1", "--check")
    say(capsys, "report", "small-1", "--out", "page")
    assert len(pd.read_parquet(tmp_path / "page" / "trials.parquet")) == 3

    before = (tmp_path / "runs" / "small-1" / "spool.jsonl").read_text().count('"report"')
    assert "small-1 has ended already" in say(capsys, "resume", "latest", "--local")
    assert (tmp_path / "runs" / "small-1" / "spool.jsonl").read_text().count('"report"') == before, "nothing is run again"

    with pytest.raises(UserError, match=r"127\.0\.0\.1:9"):
        sync(tmp_path / "runs" / "small-1")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "small-1: 8 runs," in say(capsys, "sync", "small-1"), "the sweep, three trials, four finalist runs"
    runs = {trial["mlflow_run_id"] for trial in json.loads(say(capsys, "show", "small-1", "--json"))["trials"]}
    assert None not in runs
    assert len(runs) == 3


def test_lists_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("families", "datasets", "spaces"):
        listed = json.loads(say(capsys, verb, "--json"))
        assert all(entry["name"] for entry in listed)
    assert {entry["name"] for entry in json.loads(say(capsys, "families", "--json"))} == set(family_names())
    assert json.loads(say(capsys, "schema", "space"))


def test_a_dry_run_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    out = say(capsys, "sweep", "gan", "--data", "ring8", "--dry-run")
    assert "budget: 24 trials of 120 kimg" in out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_tells_the_whole_plan_and_only_what_applies(capsys: pytest.CaptureFixture[str]) -> None:
    plain = say(capsys, "sweep", "irgan", "--dry-run")
    assert "scheduler: asha (grace 0.4, reduction 3)" in plain
    assert "queries/s here" in plain
    assert " of finalists" in plain
    sets = ("scheduler=none", "finalists.top=0", "stopping=[diverged, {plateau: {patience_kimg: 20}}]")
    short = say(capsys, "sweep", "irgan", "--dry-run", *(part for text in sets for part in ("--set", text)))
    assert "scheduler: none\nstopping: diverged, plateau (patience_kimg 20)\nfinalists: none\n" in short
    assert " of finalists" not in short


def test_the_bare_command_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    listed = say(capsys)
    assert all(f"\n  {verb} " in listed for verb in ("sweep", "resume", "report", "train", "doctor"))


def test_samples_are_named_after_their_run_and_say_how_far_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    say(capsys, "train", "gan", "--data", "ring8", "--kimg", "1", "--out", "runs/train-gan-1")
    told = say(capsys, "sample", "train-gan-1", "--n", "8")
    assert "after 1 kimg, its best report, in samples-train-gan-1.png\n" in told
    assert "which they replace" in say(capsys, "sample", "train-gan-1", "--n", "8")
    assert (tmp_path / "samples-train-gan-1.png").is_file()


def test_a_pipe_is_told_from_time_to_time_how_far_all_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with showing("dcgan-1", None, "fid") as live:
        live.phase("finalists")
        live.begin_finals(2, 60.0)
        for kimg in (10.0, 20.0, 30.0, 40.0):
            clock[0] += 20.0
            live.show_final(TrialView("0001-s1000", kimg=kimg))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "dcgan-1: finalists and the canonical setting, 0 of 2 runs",
        "dcgan-1: finalists and the canonical setting, 0 of 2 runs, about 2 min left",
    ]


def test_trials_of_a_sweep_that_nobody_runs_are_shown_as_interrupted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "dcgan-1"
    folder.mkdir()
    freeze(folder, load_sweep("dcgan").to_json())
    with Spool(folder) as spool:
        about = {"params": {"k": 1}, "values": {"k": 1}, "origin": "sampler", "note": None}
        spool.append("trial", trial="0000", number=0, **about)
        spool.append("report", trial="0000", point={"kimg": 4.0, "fid": 30.0})
    assert "0000\tinterrupted\t" in say(capsys, "show", "dcgan", "--runs", str(tmp_path))
    assert json.loads(say(capsys, "show", "dcgan", "--runs", str(tmp_path), "--json"))["trials"][0]["state"] == "interrupted"
    assert json.loads(say(capsys, "ls", "--runs", str(tmp_path), "--json"))[0]["ended"] == 0


def test_a_damaged_sweep_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "dcgan-1"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text('{"name": "dcgan-1", "sp')
    assert cli._run(["resume", "latest"], debug=False) == 2
    assert "damaged" in capsys.readouterr().err


def test_show_tells_why_trials_failed_and_that_mlflow_lacks_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "dcgan-1"
    folder.mkdir()
    freeze(folder, load_sweep("dcgan").to_json())
    with Spool(folder) as spool:
        spool.append("trial", trial="0000", number=0, params={"k": 1}, values={"k": 1}, origin="sampler", note=None)
        spool.append("end", trial="0000", state="failed", reason="error", evidence="ValueError: no such thing (x.py, line 3)")
    TrackingState("http://10.0.0.1:5000", "unreachable", 2, "Connection refused").save(folder)
    told = say(capsys, "show", "dcgan", "--runs", str(tmp_path))
    assert "1 failed.\n  0000 error: ValueError: no such thing (x.py, line 3)\n" in told
    assert "MLflow at http://10.0.0.1:5000 cannot be reached (Connection refused). Once it can: gantune sync dcgan-1" in told


def test_the_sweep_of_gpus_can_be_looked_at_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here, there = say(capsys, "sweep", "gan", "--dry-run"), say(capsys, "sweep", "gan", "--dry-run", "--gpus", "4")
    assert "note: so it would be with 4 GPUs\n" in there
    assert re.search(r"budget: (\d+) trials", there)[1] != re.search(r"budget: (\d+) trials", here)[1]  # type: ignore[index]  # both say it
    assert there.splitlines()[-1] == "how long that takes is known where the GPUs are: the same command there, without --gpus"
    assert cli._run(["sweep", "gan", "--gpus", "4"], debug=False) == 2
    assert "give --dry-run, too" in capsys.readouterr().err

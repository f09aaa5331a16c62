"""Recorded trials as a file: everything that a replay needs comes back, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pandas as pd
import pytest

from gantune import cli
from gantune.errors import UserError
from gantune.replay import About, Trace, policies, read_table, simulate, write_table
from gantune.spec import load_sweep

ABOUT = About(
    family="dcgan",
    data="mnist5k",
    objective="fid",
    mode="min",
    budget_kimg=8.0,
    report_every=2.0,
    values={"image_size": 32, "features": 16},
    command="python benchmarks/reference.py dcgan",
    versions={"torch": "2.14"},
)


def trace(id: str, *fids: float, group: str = "space") -> Trace:
    points = [
        {
            "kimg": 2.0 * at,
            "seconds": 1.1 * at,
            "eval_seconds": 0.1,
            "d_loss": 0.3,
            "d_loss_heldout": 0.4,
            "fid": fid,
            "images": 2000.0 * at,
        }
        for at, fid in enumerate(fids, 1)
    ]
    return Trace(id, group, {"lr_g": 1e-3, "k": 2}, points)


def test_a_file_brings_back_what_a_replay_needs(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", ABOUT, [trace("a", 90, 60, 40, 30), trace("b", 90, math.nan, math.inf, 95, group="seeds")])
    about, recorded = read_table(tmp_path / "a.parquet")
    assert about == ABOUT
    assert [(one.id, one.group, one.params) for one in recorded] == [
        ("a", "space", {"lr_g": 1e-3, "k": 2}),
        ("b", "seeds", {"lr_g": 1e-3, "k": 2}),
    ]
    first, second = recorded
    assert first.equilibrium is not None
    assert first.equilibrium.value == pytest.approx(math.log(2))
    assert first.clock == pytest.approx((1.2, 2.4, 3.6, 4.8))
    assert [point["kimg"] for point in first.points] == [2.0, 4.0, 6.0, 8.0]
    assert first.best(4) == 30.0
    assert not first.is_censored
    assert math.isnan(second.points[1]["fid"])
    assert second.points[2]["fid"] == math.inf
    assert "images" not in first.points[0], "what follows from others is left out"


def test_two_trials_of_one_setting_stay_two(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", ABOUT, [trace("a", 9, 8, 7, 6), trace("b", 9, 8, 7, 6)])
    assert [one.id for one in read_table(tmp_path / "a.parquet")[1]] == ["a", "b"]


def test_a_file_is_replayed_like_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.parquet"
    write_table(path, ABOUT, [trace("a", 90, 60, 40, 30), trace("b", 99, 98, 97, 96), trace("c", 99, 98, 97, 95.5)])
    flag = "scheduler={asha: {grace: 0.25, reduction: 3, compare: objective}}"
    assert cli._run(["replay", str(path), "--set", flag, "--workers", "1"], debug=True) == 0
    out = capsys.readouterr().out
    assert "a.parquet: 3 trials of up to 8 kimg" in out
    _, recorded = read_table(path)
    spec = dataclasses.replace(load_sweep("dcgan"))
    asha = policies(spec, [flag])[1]
    ends = {one.recording.id: one.reason for one in simulate(recorded, asha, workers=1, report_every=2.0)}
    assert ends == {"a": "budget", "b": "asha", "c": "asha"}


def test_what_is_no_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="no file"):
        read_table(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(UserError, match="no Parquet"):
        read_table(tmp_path / "text.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UserError, match="no recording"):
        read_table(tmp_path / "other.parquet")
    write_table(tmp_path / "own.parquet", dataclasses.replace(ABOUT, family="./my.py:MyGAN"), [trace("a", 9)])
    with pytest.raises(UserError, match="not bundled"):
        read_table(tmp_path / "own.parquet")
    assert cli._run(["replay", str(tmp_path / "own.parquet"), "--check"], debug=False) == 2
    assert "nobody stopped" in capsys.readouterr().err

"""A user's mistakes: one clear message, exit code 2, nothing written."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantune import cli


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def write_sweep(here: Path, text: str, space: str = "lr_g: {log: [1e-5, 1e-2]}\n") -> None:
    (here / "sweeps").mkdir(exist_ok=True)
    (here / "search_spaces").mkdir(exist_ok=True)
    (here / "sweeps" / "mine.yaml").write_text(text)
    (here / "search_spaces" / "mine.yaml").write_text(space)


GOOD = "family: dcgan\nspace: mine\ndata: mnist5k\nbudget: {trials: 2, kimg: 8, report_every: 4}\n"
SWEEPS = [
    ("unknown key", GOOD + "schedular: asha\n", None, ["schedular", 'Did you mean "scheduler"']),
    ("syntax", GOOD + "stopping: [d_won\n", None, ["sweeps/mine.yaml", "line"]),
    ("wrong type", GOOD.replace("trials: 2", "trials: many"), None, ["trials", "many"]),
    ("no trials", GOOD.replace("trials: 2", "trials: 0"), None, ["trials", "0"]),
    ("negative budget", GOOD.replace("kimg: 8", "kimg: -8"), None, ["kimg", "-8"]),
    ("grace", GOOD + "scheduler: {asha: {grace: 1.5}}\n", None, ["grace", "1.5"]),
    ("rule", GOOD + "stopping: [d_wonn]\n", None, ["d_wonn", 'Did you mean "d_won"']),
    ("metric", GOOD + "objective: {metric: fidd, mode: min}\n", None, ["fidd"]),
    ("family", GOOD.replace("dcgan", "dcgann"), None, ["dcgann", 'Did you mean "dcgan"']),
    ("data", GOOD.replace("mnist5k", "mnist5"), None, ["mnist5"]),
    ("space", GOOD.replace("space: mine", "space: nine"), None, ["nine"]),
    ("gpu", GOOD + "resources: {gpu: 1}\n", None, ["gpu"]),
    ("reversed", GOOD, "lr_g: {log: [1e-2, 1e-5]}\n", ["search_spaces/mine.yaml", "lr_g"]),
    ("nan", GOOD, "lr_g: {uniform: [.nan, 1]}\n", ["lr_g"]),
    ("empty", GOOD, "k: {choice: []}\n", ["k"]),
    ("log from 0", GOOD, "lr_ratio: {log: [0, 8]}\n", ["lr_ratio", "log range must start above 0", "Try"]),
    ("beta1", GOOD, "beta1: {uniform: [0, 3]}\n", ["beta1", "3"]),
    ("negative rate", GOOD, "lr_g: {uniform: [-1, 0.1]}\n", ["lr_g", "-1"]),
    ("k", GOOD, "k: {choice: [0, 1]}\n", ["k", "0"]),
    ("condition", GOOD, "lr_g: {log: [1e-5, 1e-2], when: {optimizer: adam}}\n", ["optimizer", "optimiser"]),
    ("circle", GOOD, "lr_g: {derive: lr_ratio * 2}\nlr_ratio: {derive: lr_g / 2}\n", ["lr_g", "lr_ratio"]),
]


@pytest.mark.parametrize(("text", "space", "said"), [case[1:] for case in SWEEPS], ids=[case[0] for case in SWEEPS])
def test_sweep_files(here: Path, capsys: pytest.CaptureFixture[str], text: str, space: str | None, said: list[str]) -> None:
    write_sweep(here, text, space or "lr_g: {log: [1e-5, 1e-2]}\n")
    assert cli._run(["sweep", "mine"], debug=False) == 2
    errors = capsys.readouterr().err
    assert 1 <= len(errors.strip().splitlines()) <= 4
    for fragment in said:
        assert fragment in errors
    assert not (here / "runs").exists()


COMMANDS = [
    (["sweep", "dcgam"], ['Did you mean "dcgan"']),
    (["sweep", "dcgan", "--set", "budget.kimgg=3"], ["budget", "kimgg"]),
    (["sweep", "dcgan", "--trials", "0"], ["trials"]),
    (["sweep", "dcgan", "--trials", "x"], ["--trials"]),
    (["sweep", "dcgan", "--data", "folder:missing"], ["missing"]),
    (["sweep", "dcgan", "--data", "folder:empty"], ["empty"]),
    (["sweep", "dcgan", "--data", "folder:broken"], ["b.png"]),
    (["sweep", "dcgan", "--set", "resources.gpu=0.5"], ["gpu"]),
    (["sweep", "dcgan", "--runs", "/proc/nowhere"], ["/proc"]),
    (["sweep", "dcgan", "--name", "taken"], ["taken"]),
    (["resume"], ["no sweep"]),
    (["resume", "nothing"], ["no sweep"]),
    (["show", "nothing"], ["no sweep"]),
    (["report", "nothing"], ["no sweep"]),
    (["stop"], ["no sweep"]),
    (["resume", "--trials", "many"], ["--trials"]),
    (["resume", "--trials", "+0"], ["--trials", "+0"]),
    (["resume", "--trials", "50"], ["--trials 50", "50 in all or 50 more", "\nFor 50 more: --trials +50"]),
    (["train", "dcgann"], ['Did you mean "dcgan"']),
    (["train", "dcgan", "--set", "beta1=3"], ["beta1", "[0, 1)", "3"]),
    (["train", "dcgan", "--set", "lr_g=-1"], ["--set lr_g=-1: lr_g is a number in (0, 1], got -1."]),
    (["sweep", "dcgan", "--set", "lr_g=-1"], ["--set lr_g=-1: lr_g is a number in (0, 1], got -1."]),
    (["train", "dcgan", "--set", "lr_gg=1"], ['Did you mean "lr_g"']),
    (["train", "dcgan", "--kimg", "-3"], ["--kimg"]),
    (["train", "dcgan", "--data", "ring8"], ["family gan"]),
    (["train", "dcgan", "--data", "mnist5"], ["mnist5"]),
    (["train", "--from", "bad"], ["bad"]),
    (["sample", "nothing"], ["no sweep"]),
    (["sample", "broken/b.png.safetensors"], ["no generator file"]),
    (["fid", "missing", "broken"], ["missing"]),
    (["fid", "empty", "empty"], ["empty"]),
    (["fid", "broken", "broken"], ["b.png"]),
    (["fid", "code.npz", "code.npz"], ["code.npz"]),
    (["schema", "swep"], ["swep"]),
    (["swep", "dcgan"], ["swep"]),
]


@pytest.mark.parametrize(("arguments", "said"), COMMANDS, ids=[" ".join(case[0]) for case in COMMANDS])
def test_commands(here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: list[str]) -> None:
    (here / "empty").mkdir()
    (here / "broken").mkdir()
    for name in "acdefghijklm":
        Image.fromarray(np.zeros((40, 40), np.uint8)).save(here / "broken" / f"{name}.png")
    (here / "broken" / "b.png").write_bytes(b"no picture")
    (here / "runs" / "taken").mkdir(parents=True)
    (here / "runs" / "taken" / "x").touch()
    (here / "bad").mkdir()
    (here / "bad" / "plan.json").write_text("{}")
    (here / "bad" / "last.pt").write_bytes(pickle.dumps({"a": os.getcwd}))
    np.savez(here / "code.npz", images=np.array([os.getcwd], dtype=object))
    before = sorted(str(path) for path in here.rglob("*"))
    assert cli._run(arguments, debug=False) == 2
    errors = capsys.readouterr().err
    assert 1 <= len(errors.strip().splitlines()) <= 4
    for fragment in said:
        assert fragment in errors
    assert sorted(str(path) for path in here.rglob("*")) == before


def test_a_single_run_is_no_sweep_and_takes_no_rules(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._run(["train", "gan", "--set", "stopping=[plateau]"], debug=False) == 2
    assert "stopping is a setting of sweeps" in capsys.readouterr().err
    (here / "runs" / "train-gan-1").mkdir(parents=True)
    (here / "runs" / "train-gan-1" / "plan.json").write_text("{}")
    assert cli._run(["show", "train-gan-1"], debug=False) == 2
    assert "is a single run, no sweep" in capsys.readouterr().err

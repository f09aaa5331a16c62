"""A user's mistakes: one clear message, exit code 2, nothing written."""

from __future__ import annotations

import errno
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantune import cli
from gantune.runtime.stopping import read_requests, request_stop


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
    (["train", "dcgan", "--data", "ring8"], ["net=mlp"]),
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


RULE = "from dataclasses import dataclass\nfrom typing import ClassVar\nfrom gantune.params import param\n"
RULE += "from gantune.stopping import Reason, Rule, Verdict\n\n\n"
CALL = "    reason: ClassVar[Reason] = Reason.PLATEAU\n\n    def __call__(self, curve):\n        return Verdict.CONTINUE\n"
SLIPS = {
    "exit": ("import sys\nsys.exit(0)\n", "line 2: the file raised SystemExit"),
    "no call": (RULE + "@dataclass(frozen=True)\nclass Mine(Rule):\n    reason: ClassVar[Reason] = Reason.PLATEAU\n", "__call__"),
    "plain field": (RULE + "@dataclass(frozen=True)\nclass Mine(Rule):\n    worst: float = 1.0\n" + CALL, "worst: TYPE = param("),
    "no dataclass": (RULE + "class Mine(Rule):\n    worst: float = param(1.0, 'w')\n" + CALL, "needs @dataclass(frozen=True)"),
}
FAMILIES = {
    "exit": ("import sys\nsys.exit(0)\n", "the file raised SystemExit"),
    "no losses": (
        "from gantune.families.standard import StandardGAN\n\n\nclass Mine(StandardGAN):\n    name = 'mine'\n    canonical = {}\n",
        "adversarial_d",
    ),
    "canonical": ("from gantune.families.dcgan import DCGAN\n\n\nclass Mine(DCGAN):\n    canonical = None\n", "canonical is a dict"),
    "no equilibrium": (
        "from gantune.families.dcgan import DCGAN\n\n\nclass Mine(DCGAN):\n    def equilibrium(self, hp):\n        return 0.7\n",
        "gives an Equilibrium or None",
    ),
    "equilibrium": (
        "from gantune.families.dcgan import DCGAN\n\n\nclass Mine(DCGAN):\n    def equilibrium(self, hp):\n        return 1 / 0\n",
        "ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_slips_in_a_rule_of_ones_own(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, said = SLIPS[name]
    (here / "mine.py").write_text(code)
    assert cli._run(["sweep", "dcgan", "--dry-run", "--set", "stopping=[./mine.py:Mine]"], debug=False) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", FAMILIES)
def test_slips_in_a_family_of_ones_own(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, said = FAMILIES[name]
    (here / "mine.py").write_text(code)
    assert cli._run(["train", "./mine.py:Mine"], debug=False) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("address", "said"), [("foo", "HOST:PORT"), ("ray://a:1", "Ray Client cannot run Tune"), ("a:99999", "HOST:PORT")])
def test_an_address_of_ray_that_is_none(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str, said: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert cli._run(["sweep", "dcgan", "--dry-run"], debug=False) == 2
    assert said in capsys.readouterr().err
    monkeypatch.setenv("RAY_ADDRESS", "")
    assert cli._run(["sweep", "irgan", "--dry-run"], debug=False) == 0


def test_the_doctor_survives_odd_addresses(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:abc")
    monkeypatch.setenv("RAY_ADDRESS", "[::1]:9")
    cli._run(["doctor"], debug=False)
    told = capsys.readouterr()
    assert "nonnumeric port" in told.out + told.err
    assert "defect" not in told.err


@pytest.mark.parametrize("text", ["family: &x [*x]\n", "family: " + "[" * 3000 + "]" * 3000 + "\n"])
def test_files_that_hold_themselves_or_nest_without_end(here: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (here / "odd.yaml").write_text(text)
    assert cli._run(["sweep", "odd.yaml", "--dry-run"], debug=False) == 2
    assert "odd.yaml: " in capsys.readouterr().err


def test_numbers_beyond_all_range(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(here, GOOD, f"lr_g: {{uniform: [0, 1{'0' * 400}]}}\n")
    assert cli._run(["sweep", "mine", "--dry-run"], debug=False) == 2
    assert "two finite numbers" in capsys.readouterr().err


def test_a_damaged_sweep_does_not_hide_the_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "runs" / "x-1").mkdir(parents=True)
    (here / "runs" / "x-1" / "sweep.json").write_text('{"name')
    (here / "runs" / "y-1").mkdir()
    (here / "runs" / "y-1" / "sweep.json").write_text('{"created": 1}')
    assert cli._run(["ls"], debug=False) == 0
    told = capsys.readouterr().out
    assert "x-1\tdamaged" in told
    assert "y-1\tdamaged" in told


def test_a_full_disk_is_no_defect(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "samples.png")

    monkeypatch.setattr("gantune.cli.runs.generator_path", full)
    assert cli._run(["sample", "x"], debug=False) == 2
    assert capsys.readouterr().err == "gantune: samples.png: No space left on device.\n"


def test_requests_to_stop_at_one_time_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as many:
        list(many.map(lambda number: request_stop(tmp_path, f"{number:04d}"), range(40)))
    assert read_requests(tmp_path / "stop.json")["trials"] == [f"{number:04d}" for number in range(40)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cgan", "--data", "folder:pictures"), "cgan needs labelled examples"),
        (("pix2pix", "--data", "mnist5k_twins"), "pix2pix needs pairs of pictures"),
        (("cyclegan", "--data", "mnist5k"), "cyclegan needs pictures of two domains"),
        (("irgan", "--data", "mnist5k"), "irgan needs queries"),
        (("fgan", "--set", "divergence=jensen"), "divergence is one of kl, reverse_kl"),
        (("wgan_gp", "--set", "d_norm=batch"), "penalty gp needs a discriminator without batch norm"),
        (("dcgan", "--set", "penalty=gp"), "penalty gp needs a discriminator without batch norm"),
        (("dcgan", "--set", "image_size=4"), "16, 32, 64, 128 ... pixels, got 4 x 4"),
        (("ebgan", "--set", "augment=all"), "augment=all cannot be used with family ebgan"),
    ],
)
def test_families_on_what_they_cannot_use(here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    (here / "pictures").mkdir()
    for number in range(20):
        Image.fromarray(np.full((32, 32), number, np.uint8)).save(here / "pictures" / f"{number}.png")
    assert cli._run(["sweep", *arguments, "--dry-run"], debug=False) == 2
    assert said in capsys.readouterr().err

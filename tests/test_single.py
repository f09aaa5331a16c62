"""`gantune train`: plans, going on with a run, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gantune.cli.single import watching
from gantune.errors import UserError
from gantune.generator_file import load_generator
from gantune.single import plan_run, run_plan
from gantune.single_words import describe
from gantune.stopping import Reason
from gantune.training import checkpoint

SMALL = ["hidden=16", "layers=1", "batch=50", "image_size=0"]


def plan(runs: Path, family: str | None = "gan", **changed: Any):
    given = {"kimg": 1.0, "data": "ring8", "sets": SMALL, "report_every": 0.5, "from_run": None, "out": None, "threads": 1, "runs": runs}
    return plan_run(family, **(given | changed))


def finished(runs: Path, **changed: Any) -> Path:
    made, _ = plan(runs, **changed)
    assert run_plan(made, lambda trial: None, lambda point, equilibrium: None).reason is Reason.BUDGET
    return Path(made.folder)


def test_the_familys_sweep_gives_the_small_settings_and_set_wins(tmp_path: Path) -> None:
    made, notes = plan(tmp_path)
    assert (made.values["hidden"], made.values["batch"]) == (16, 50)
    assert "sweeps/gan.yaml" in notes[0]
    assert not (tmp_path / "train-gan-1").exists()


OWN = """
from gantune.families.dcgan import DCGAN

class Plain(DCGAN):
    name = "plain"

class Wide(DCGAN):
    name = "wide"
    canonical = DCGAN.canonical | {"features": 32}
"""


def test_a_subclass_of_a_bundled_family_takes_its_sweeps_sizes_unless_it_has_its_own(tmp_path: Path) -> None:
    code = tmp_path / "own.py"
    code.write_text(OWN)
    made, [note] = plan(tmp_path, f"{code}:Plain", data=None, sets=[])
    assert (made.values["features"], made.values["image_size"], made.values["batch"]) == (16, 32, 64)
    assert note == "Settings of sweeps/dcgan.yaml, as Plain is a DCGAN: image_size=32, features=16, batch=64"
    made, [note] = plan(tmp_path, f"{code}:Wide", data=None, sets=[])
    assert made.values["features"] == 32
    assert "features" not in note
    made, _ = plan(tmp_path, f"{code}:Plain", data=None, sets=["features=8"])
    assert made.values["features"] == 8


def test_what_is_about_to_be_trained_is_told_before_the_first_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, notes = plan(tmp_path, sets=[*SMALL, "lr_g=3e-4"])
    told = []
    with watching(notes) as watch:
        run_plan(made, watch.begin, lambda point, equilibrium: told.append((capsys.readouterr().out, watch.progress())))
    first, progress = told[0]
    for words in (
        "gan (Goodfellow",
        "ring8",
        "lr_g=0.0003",
        "hidden=16",
        "Budget: 1 kimg (1,000 images)",
        "first report at 0.5 kimg",
        made.folder,
    ):
        assert words in first
    assert re.fullmatch(r"0\.5 of 1 kimg, [\d,]+ images/s, about \d+ s left", progress)


def test_going_on_equals_one_long_run_even_when_a_rule_had_ended_it(tmp_path: Path) -> None:
    short = finished(tmp_path)
    kept = checkpoint.load(short / "last.pt")
    checkpoint.save(short / "last.pt", {k: v for k, v in kept.items() if k != "format"} | {"verdict": ["plateau", "stood still"]})
    longer = finished(tmp_path, family=None, data=None, sets=[], kimg=2.0, from_run=short)
    straight = finished(tmp_path, kimg=2.0)
    ours, theirs = (checkpoint.load(folder / "last.pt")["state"]["g"] for folder in (longer, straight))
    assert all(bool((ours[name] == theirs[name]).all()) for name in ours)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kimg": 1.0}, "has 1 kimg behind it"),
        ({"family": "dcgan"}, "of family gan, not of dcgan"),
        ({"data": "grid25"}, "trains on ring8"),
        ({"sets": ["lr_g=1e-3"]}, "own settings"),
    ],
)
def test_going_on_with_something_else_is_refused_and_writes_nothing(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    short = finished(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=message):
        plan(tmp_path, **({"family": None, "data": None, "sets": [], "kimg": 2.0, "from_run": short} | changed))
    assert sorted(tmp_path.rglob("*")) == before


def test_what_was_best_stands_until_the_longer_run_beats_it_by_the_same_measure(tmp_path: Path) -> None:
    first = finished(tmp_path)
    kept = json.loads((first / "plan.json").read_text())
    (first / "plan.json").write_text(json.dumps(kept | {"objective": "coverage", "mode": "max"}))
    going_on, _ = plan(tmp_path, family=None, data=None, sets=[], kimg=2.0, from_run=first)
    assert (going_on.objective, going_on.mode, going_on.metrics) == ("coverage", "max", kept["metrics"])
    for name in ("best.pt", "generator.safetensors"):
        assert (Path(going_on.folder) / name).read_bytes() == (first / name).read_bytes()
    (first / "plan.json").write_text("{")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="is damaged"):
        plan(tmp_path, family=None, data=None, sets=[], kimg=2.0, from_run=first)
    assert sorted(tmp_path.rglob("*")) == before


def test_code_that_a_file_names_is_run_only_when_the_user_gives_it(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("from gantune.families.gan import GAN\n\n\nclass Mine(GAN):\n    name = 'mine'\n")
    folder = finished(tmp_path, family=f"{code}:Mine")
    path = shutil.copy(folder / "generator.safetensors", tmp_path / "given.safetensors")
    with pytest.raises(UserError, match="give the code to run"):
        load_generator(path)
    with pytest.raises(UserError, match="not of gan"):
        load_generator(path, "gan")
    assert load_generator(path, f"{code}:Mine").sample(3).x.shape == (3, 2)
    with pytest.raises(UserError, match="give the code to run"):
        plan(tmp_path, family=None, data=None, sets=[], kimg=2.0, from_run=folder)


def test_how_a_run_is_measured_can_be_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [*SMALL, "metrics.n_fake=300", " metrics.weights=w.pth"]
    made, _ = plan(tmp_path, sets=sets)
    assert made.metrics["n_fake"] == 300
    assert made.metrics["weights"] == str(Path("w.pth").absolute())
    with pytest.raises(UserError, match=r"--set metrics\.extractor=rw: extractor is one of auto, mnist_cnn, inception, raw"):
        plan(tmp_path, sets=["metrics.extractor=rw"])
    made, _ = plan(tmp_path, sets=[*SMALL, "metrics.n_fake=300"])
    run_plan(made, lambda trial: print(*describe(trial), sep="\n"), lambda point, equilibrium: None)
    assert "Measured: 300 samples against 20,000 training examples, features raw" in capsys.readouterr().out


def test_what_changes_on_the_way_is_told_as_it_was_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [*SMALL, "metrics.n_fake=300", "lr_g={0: 2e-3, 0.5: 1e-3}", "k={0: 1, 0.5: 2}", "beta1=0.5"]
    made, _ = plan(tmp_path, sets=sets)
    run_plan(made, lambda trial: print(*describe(trial), sep="\n"), lambda point, equilibrium: None)
    settings = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Settings: "))
    for flag in ("lr_g={0: 0.002, 0.5: 0.001}", "k={0: 1, 0.5: 2}", "beta1=0.5"):
        assert f" {flag}" in settings


def test_a_budget_that_ends_before_the_game_is_said(tmp_path: Path) -> None:
    _, notes = plan(tmp_path, "irgan", data=None, sets=[])
    assert "pretrain_kimg=10 takes all of the budget's 1 kimg: the two never play" in notes

"""A trial: what it writes, how it goes on, what it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from gantune.config import Config
from gantune.errors import UserError
from gantune.families import open_family
from gantune.generator_file import load_generator
from gantune.stopping import Reason
from gantune.training import checkpoint
from gantune.trial import Trial, TrialPlan, score

TIMED = {"seconds", "images_per_s", "eval_seconds"}


def plan_in(folder: Path, family: str = "gan", kimg: float = 2.0, **values: Any) -> TrialPlan:
    data = "ring8" if family == "gan" else "mnist5k"
    small = {"hidden": 16, "layers": 1, "latent_dim": 4} if family == "gan" else {"features": 4, "latent_dim": 8, "ema_kimg": 0.5}
    config = Config.of(open_family(family), data, small | {"batch": 50} | values)
    return TrialPlan("0000", family, data, config.flat(), kimg, 0.5, str(folder), metrics={"n_fake": 500}, rules=["diverged"])


def untimed(points: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in point.items() if name not in TIMED} for point in points]


def run(plan: TrialPlan, reports: int = 99) -> Trial:
    trial = Trial(plan)
    while trial.verdict is None and reports:
        trial.advance()
        reports -= 1
    return trial


@pytest.mark.parametrize("family", ["gan", "dcgan"])
def test_a_killed_trial_goes_on_bit_for_bit(tmp_path: Path, family: str) -> None:
    straight = run(plan_in(tmp_path / "a", family))
    for _ in range(4):
        torch.manual_seed(5)
        resumed = run(plan_in(tmp_path / "b", family), reports=1)
    assert resumed.verdict == straight.verdict
    assert untimed(resumed.points) == untimed(straight.points)
    ours, theirs = (checkpoint.load(tmp_path / side / "last.pt")["state"] for side in "ab")
    for part in ("g", "d"):
        assert all(torch.equal(ours[part][name], theirs[part][name]) for name in ours[part])


def test_a_trial_that_ran_its_budget_says_so_and_can_be_given_more(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, kimg=1.0)
    trial = run(plan)
    assert trial.verdict is not None
    assert trial.verdict.reason is Reason.BUDGET
    assert Trial(plan).verdict == trial.verdict
    more = Trial(dataclasses.replace(plan, kimg=1.5))
    assert more.verdict is None
    more.advance()
    assert more.points[-1]["kimg"] == 1.5
    assert more.verdict is not None


def test_the_best_checkpoint_and_its_generator_are_those_of_the_best_report(tmp_path: Path) -> None:
    trial = run(plan_in(tmp_path, "dcgan"))
    best = min(trial.points, key=lambda point: point["fid"])
    kept = checkpoint.load(tmp_path / "best.pt")
    assert kept["points"][-1]["kimg"] == best["kimg"]
    assert trial.points[-1]["fid_best"] == best["fid"]
    again = Trial(dataclasses.replace(trial.plan, folder=str(tmp_path / "other")))
    again.trainer.load_state(kept["state"])
    assert torch.equal(load_generator(tmp_path / "generator.safetensors").sample(300, seed=4).x, again.trainer.sample(300, 4).x)


def test_pictures_are_three_or_fewer(tmp_path: Path) -> None:
    run(plan_in(tmp_path, kimg=3.0))
    pictures = list((tmp_path / "grids").glob("*.png"))
    assert 1 <= len(pictures) <= 3


def test_scores_are_repeatable_and_carry_their_settings(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    run(plan)
    first, second, other = (score(plan, seed=seed, n=600) for seed in (7, 7, 8))
    assert first == second
    assert first["fid"] != other["fid"]
    assert first["provenance"]["n_fake"] == 600
    assert first["floor"]["fid"] < first["fid"]
    assert first["sampling"] == {"checkpoint": "best", "kimg": first["sampling"]["kimg"], "batch_norm": "none", "ema_kimg": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [({"family": "dcgan"}, "of family gan, not of dcgan"), ({"lr_g": 0.5}, r"another configuration: lr_g 0\.0002 -> 0\.5")],
)
def test_a_folder_of_another_run_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    run(plan_in(tmp_path), reports=1)
    kept = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(UserError, match=message):
        Trial(plan_in(tmp_path, **change))
    assert (tmp_path / "last.pt").read_bytes() == kept


def test_a_diverged_trial_is_stopped_and_has_no_best(tmp_path: Path) -> None:
    trial = run(plan_in(tmp_path, optimiser="sgd", lr_g=1.0, lr_ratio=1e4))
    assert trial.verdict is not None
    assert trial.verdict.reason is Reason.DIVERGED


def test_a_death_between_last_and_best_is_made_good(tmp_path: Path) -> None:
    """`last.pt` names the new best, yet the process died before `best.pt` and the generator were written."""
    plan = plan_in(tmp_path)
    run(plan, reports=1)
    for name in ("best.pt", "generator.safetensors"):
        (tmp_path / name).unlink()
    Trial(plan)
    assert checkpoint.load(tmp_path / "best.pt")["points"][-1]["kimg"] == 0.5
    assert load_generator(tmp_path / "generator.safetensors").sample(2).x.shape == (2, 2)


def test_pictures_of_close_reports_do_not_overwrite_each_other(tmp_path: Path) -> None:
    trial = run(plan_in(tmp_path, kimg=1.0))
    names = {file.name for file in (tmp_path / "grids").glob("*.png")}
    assert f"kimg_{trial.points[0]['kimg']:010.3f}.png" in names
    assert f"kimg_{trial.points[-1]['kimg']:010.3f}.png" in names

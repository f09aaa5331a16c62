"""Spaces given as a Python function."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from gantune.errors import UserError
from gantune.space import SearchSpace, open_space
from gantune.space.reading import Pins

GOOD = """
def space(trial):
    lr_g = trial.suggest_float("lr_g", 1e-5, 1e-2, log=True)
    lr_d = trial.suggest_float("lr_d", 1e-5, 1e-2, log=True)
    values = {"lr_g": lr_g, "lr_ratio": lr_d / lr_g, "optimiser": trial.suggest_categorical("optimiser", ["adam", "sgd"])}
    if values["optimiser"] == "adam":
        values["beta1"] = trial.suggest_float("beta1", 0.0, 0.4)
    return values
"""


def write(folder: Path, text: str) -> str:
    (folder / "my_space.py").write_text(text)
    return f"{folder}/my_space.py:space"


def test_a_point_gives_the_values_that_the_function_returns(tmp_path: Path) -> None:
    space, _ = open_space(write(tmp_path, GOOD), "dcgan", Pins({"batch": 32}))
    assert space.conditional
    assert space.fits({"lr_g": 1e-4, "lr_d": 1e-4, "optimiser": "sgd"})
    assert not space.fits({"lr_g": 1e-4, "lr_d": 1e-4, "optimiser": "adam"})
    assert space.resolve({"lr_g": 1e-4, "lr_d": 2e-4, "optimiser": "sgd"}) == {
        "lr_g": 1e-4,
        "lr_ratio": 2.0,
        "optimiser": "sgd",
        "batch": 32,
    }


def test_the_canonical_setting_is_mapped_into_it(tmp_path: Path) -> None:
    space, _ = open_space(write(tmp_path, GOOD), "dcgan")
    params, note = space.project({"lr_g": 0.1, "optimiser": "adam", "beta1": 0.5})
    assert space.fits(params)
    assert (params["lr_g"], params["beta1"]) == (1e-2, 0.4)
    assert note == "lr_g 0.1 -> 0.01, beta1 0.5 -> 0.4"


def test_a_resumed_sweep_runs_the_text_that_it_began_with(tmp_path: Path) -> None:
    ref = write(tmp_path, GOOD)
    space, _ = open_space(ref, "dcgan")
    kept = json.loads(json.dumps(space.to_json()))
    (tmp_path / "my_space.py").write_text("def space(trial): raise SystemExit")
    again = SearchSpace.from_json(kept)
    assert again == space
    assert again.draw(random.Random(1)) == space.draw(random.Random(1))


def test_a_text_that_does_not_match_its_hash_is_refused(tmp_path: Path) -> None:
    kept = open_space(write(tmp_path, GOOD), "dcgan")[0].to_json()
    kept["python"]["text"] += "\nx = 1"
    with pytest.raises(UserError, match="does not match its hash"):
        SearchSpace.from_json(kept)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def space(trial): return {'lr_gg': trial.suggest_float('x', 0, 1)}", "unknown parameter 'lr_gg'. Did you mean \"lr_g\"?"),
        ("def space(trial): return {'beta1': trial.suggest_float('beta1', 2, 3)}", "beta1 is a number in [0, 1), got"),
        ("def space(trial): return 3", "returns a dict"),
        ("def space(trial): return {}['x']", "raised KeyError"),
        ("def space(trial): return {'lr_g': trial.suggest_float('lr_g', 0, 1, log=True)}", "a log range from above 0"),
        ("def space(trial): return {'k': trial.suggest_int('k', 5, 1)}", "a range runs from low to high"),
        ("def space(trial): return {'k': trial.suggest_categorical('k', [])}", "choices are not empty"),
        (
            "def space(trial): return {'k': trial.suggest_int('k', 1, 2) + trial.suggest_int('k', 1, 3)}",
            "is asked for twice",
        ),
        ("spice = 3", "there is no function called 'space'"),
        ("1 / 0", "raised ZeroDivisionError"),
        ("def space(", "raised SyntaxError"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        open_space(write(tmp_path, text), "dcgan")
    assert expected in str(raised.value)
    assert "my_space.py" in str(raised.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError, match=r"there is no Python file \./nowhere\.py"):
        open_space("./nowhere.py:space", "dcgan")


def test_a_fixed_value_that_the_function_returns_is_refused_but_as_a_flag(tmp_path: Path) -> None:
    ref = write(tmp_path, GOOD)
    with pytest.raises(UserError, match=r"lr_g is fixed at 0\.001 there, and returned by"):
        open_space(ref, "dcgan", Pins({"lr_g": 1e-3}, {}, "w: "))
    space, notes = open_space(ref, "dcgan", Pins({}, {"lr_g": 1e-3}))
    assert space.resolve(space.draw(random.Random(0)))["lr_g"] == 1e-3
    assert notes == ["the search over lr_g is replaced by 0.001, as --set says"]

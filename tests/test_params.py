"""Declared parameters: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import math

import pytest

from gantune.errors import UserError
from gantune.params import make, params_of
from gantune.training.settings import Training

PARAMS = params_of(Training)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta1", 3),
        ("beta1", 1.0),
        ("lr_g", -1),
        ("lr_g", 0),
        ("lr_g", math.nan),
        ("k", 0),
        ("k", 1.5),
        ("k", True),
        ("batch", "64"),
        ("optimiser", "adm"),
        ("seed", -1),
        ("lr_g", math.inf),
        ("batch", math.inf),
        ("batch", 10**400),
    ],
)
def test_values_outside_what_a_parameter_allows_are_refused(name: str, value: object) -> None:
    with pytest.raises(UserError, match=f"{name} is .*, got"):
        PARAMS[name].check(value)


@pytest.mark.parametrize(
    ("name", "value", "checked"), [("k", 5, 5), ("k", 5.0, 5), ("lr_g", 1, 1.0), ("beta1", 0, 0.0), ("optimiser", "sgd", "sgd")]
)
def test_allowed_values_come_back_in_the_parameters_type(name: str, value: object, checked: object) -> None:
    result = PARAMS[name].check(value)
    assert result == checked
    assert type(result) is type(checked)


def test_a_misspelt_choice_gets_a_hint() -> None:
    with pytest.raises(UserError, match='Did you mean "rmsprop"'):
        PARAMS["optimiser"].check("rmspropp")


def test_schedules_are_sorted_and_start_at_zero() -> None:
    assert PARAMS["k"].check({2: 5, 0: 100}) == ((0.0, 100), (2.0, 5))
    assert PARAMS["k"].check([[0, 100], [2, 5]]) == ((0.0, 100), (2.0, 5))
    with pytest.raises(UserError, match="starts at kimg 0"):
        PARAMS["k"].check({1: 5})
    with pytest.raises(UserError, match="k is a whole number"):
        PARAMS["k"].check({0: 0})
    with pytest.raises(UserError, match="batch is"):
        PARAMS["batch"].check({0: 5})
    for odd in ([1, 2], {0: 1, float("nan"): 2}, {0: 1, "x": 2}):
        with pytest.raises(UserError, match="g_steps: a schedule"):
            PARAMS["g_steps"].check(odd)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UserError, match='Did you mean "lr_ratio"'):
        make(Training, {"lr_ration": 1})


def test_lr_d_is_derived() -> None:
    assert make(Training, {"lr_g": 2e-4, "lr_ratio": 0.25}).lr_d == pytest.approx(5e-5)

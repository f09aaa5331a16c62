"""Importance finds a planted parameter and says when it cannot."""

from __future__ import annotations

import random

from gantune.report.importance import FEWEST_TRIALS, importance


def _trials(count: int) -> tuple[list[dict[str, object]], list[float]]:
    rng = random.Random(0)
    params = [{"lr": 10 ** rng.uniform(-5, -1), "noise": rng.random(), "kind": rng.choice("abc"), "fixed": 1} for _ in range(count)]
    return params, [abs(float(given["lr"]) - 1e-3) ** 0.2 for given in params]  # type: ignore[arg-type]


def test_planted_parameter_comes_first_and_shares_sum_to_one() -> None:
    found = importance(*_trials(60), log=["lr"])
    assert next(iter(found.shares)) == "lr"
    assert abs(sum(found.shares.values()) - 1) < 1e-9


def test_direction_is_respected() -> None:
    params, values = _trials(60)
    assert importance(params, [-value for value in values], mode="max", log=["lr"]).shares == importance(params, values, log=["lr"]).shares


def test_constant_and_conditional_parameters_are_left_out_by_name() -> None:
    params, values = _trials(30)
    params[0]["momentum"] = 0.5
    assert importance(params, values).left_out == ("fixed", "momentum")


def test_too_few_trials_say_so() -> None:
    params, values = _trials(FEWEST_TRIALS)
    found = importance(params, [*values[:-1], float("nan")])
    assert not found.shares
    assert "too few" in found.why


def test_equal_values_and_a_single_parameter_say_so() -> None:
    params, values = _trials(20)
    assert "same value" in importance(params, [1.0] * 20).why
    assert "Fewer than two" in importance([{"lr": given["lr"]} for given in params], values).why

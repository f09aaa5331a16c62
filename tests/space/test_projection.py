"""Mapping a configuration into a space."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantune.space import SearchSpace, space_of
from gantune.yaml_file import parse_yaml

SPACES = {
    "ranges": """
        lr_g: {log: [1e-4, 1e-3]}
        lr_ratio: {log: [0.01, 0.5]}
        k: {choice: [2, 5]}
        beta1: {uniform: [0, 0.4]}
        batch: {int_log: [16, 32]}""",
    "derived": """
        lr_g: {log: [1e-4, 1e-3]}
        lr_d: {log: [1e-5, 1e-3]}
        lr_ratio: {derive: lr_d / lr_g}""",
    "conditional": """
        optimiser: {choice: [adam, sgd]}
        beta1: {uniform: [0, 0.4], when: {optimiser: adam}}
        k: {int: [2, 5], when: {optimiser: sgd}}""",
}


def space(name: str) -> SearchSpace:
    return space_of(parse_yaml(SPACES[name], "s.yaml"), "dcgan")[0]


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=25, deadline=None)
@given(
    lr_g=st.floats(1e-8, 1.0),
    lr_ratio=st.floats(1e-6, 1e4),
    k=st.integers(1, 1000),
    beta1=st.floats(0, 0.99),
    batch=st.integers(2, 65536),
    optimiser=st.sampled_from(["adam", "rmsprop", "sgd"]),
)
def test_a_projected_configuration_is_a_point_of_the_space(name: str, **configuration: object) -> None:
    params, _ = space(name).project(configuration)
    assert space(name).fits(params)
    space(name).resolve(params)


def test_what_lies_inside_stays_and_is_not_mentioned() -> None:
    inside = {"lr_g": 2e-4, "lr_ratio": 0.1, "k": 5, "beta1": 0.1, "batch": 24}
    assert space("ranges").project(inside) == (inside, None)


def test_what_is_moved_is_said() -> None:
    params, note = space("ranges").project({"lr_g": 2e-4, "lr_ratio": 1.0, "k": 1, "beta1": 0.5, "batch": 24})
    assert params == {"lr_g": 2e-4, "lr_ratio": 0.5, "k": 2, "beta1": 0.4, "batch": 24}
    assert note == "lr_ratio 1 -> 0.5, k 1 -> 2, beta1 0.5 -> 0.4"


@pytest.mark.parametrize(("lr_ratio", "lr_d"), [(1.0, 2e-4), (0.25, 5e-5), (3.0, 6e-4)])
def test_a_helper_gets_the_value_that_the_derivation_needs(lr_ratio: float, lr_d: float) -> None:
    params, note = space("derived").project({"lr_g": 2e-4, "lr_ratio": lr_ratio})
    assert params["lr_d"] == pytest.approx(lr_d, rel=1e-6)
    assert note is None


def test_a_derived_value_out_of_reach_is_said() -> None:
    params, note = space("derived").project({"lr_g": 1e-3, "lr_ratio": 50.0})
    assert params["lr_d"] == pytest.approx(1e-3)
    assert note == "lr_ratio 50 -> 1"


def test_conditions_follow_the_configuration() -> None:
    assert space("conditional").project({"optimiser": "sgd", "k": 9, "beta1": 0.3})[0] == {"optimiser": "sgd", "k": 5}

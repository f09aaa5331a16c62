"""Which sampler can serve which space, and the points of a grid."""

from __future__ import annotations

import pytest

from gantune.errors import UserError
from gantune.space import SearchSpace, space_of
from gantune.space.samplers import SAMPLERS, check_serves, grid, grid_size, sampler_options
from gantune.yaml_file import parse_yaml

SPACES = {
    "continuous": "lr_g: {log: [1e-5, 1e-3]}\nbeta1: {uniform: [0, 0.9]}",
    "mixed": "lr_g: {log: [1e-5, 1e-3]}\nk: {choice: [1, 2]}",
    "finite": "k: {choice: [1, 2, 5]}\ng_steps: {int: [1, 2]}",
    "conditional": "optimiser: {choice: [adam, sgd]}\nk: {int: [1, 3], when: {optimiser: sgd}}",
    "one": "lr_g: {log: [1e-5, 1e-3]}",
}
SERVED = {
    "continuous": {"tpe", "gp", "cmaes", "qmc", "random"},
    "mixed": {"tpe", "gp", "qmc", "random"},
    "finite": {"tpe", "gp", "qmc", "random", "grid"},
    "conditional": {"tpe", "random", "grid"},
    "one": {"tpe", "gp", "qmc", "random"},
}


def space(name: str) -> SearchSpace:
    return space_of(parse_yaml(SPACES[name], "s.yaml"), "dcgan")[0]


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_that_cannot_serve_is_refused(name: str, sampler: str) -> None:
    if sampler in SERVED[name]:
        check_serves(sampler, space(name), "")
        return
    with pytest.raises(UserError, match=r"s\.yaml.*(Use|use) "):
        check_serves(sampler, space(name), "")


def test_a_grid_has_every_point_once_and_the_last_name_changes_fastest() -> None:
    assert list(grid(space("finite"))) == [{"k": k, "g_steps": g} for k in (1, 2, 5) for g in (1, 2)]
    assert grid_size(space("finite")) == 6


def test_a_grid_follows_conditions() -> None:
    assert list(grid(space("conditional"))) == [{"optimiser": "adam"}] + [{"optimiser": "sgd", "k": k} for k in (1, 2, 3)]


def test_a_grid_too_large_is_refused() -> None:
    large = space_of(parse_yaml("k: {int: [1, 1000]}\nbatch: {int: [2, 10000]}", "s.yaml"), "dcgan")[0]
    with pytest.raises(UserError, match="more than 10,000 points"):
        check_serves("grid", large, "")


def test_options_are_checked() -> None:
    assert sampler_options("tpe", {"n_startup_trials": 4}, "").n_startup_trials == 4
    with pytest.raises(UserError, match='Did you mean "n_startup_trials"'):
        sampler_options("tpe", {"n_startup": 4}, "")
    with pytest.raises(UserError, match='Did you mean "cmaes"'):
        sampler_options("cmae", {}, "")

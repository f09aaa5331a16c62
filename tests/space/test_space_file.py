"""Space files: what they may say, and how each mistake is answered."""

from __future__ import annotations

import json
import random

import pytest

from gantune.errors import UserError
from gantune.space import SearchSpace, open_space, space_of
from gantune.space.reading import Pins
from gantune.yaml_file import parse_yaml

DERIVED = "lr_g: {log: [1e-5, 1e-3]}\nlr_d: {log: [1e-5, 1e-3]}\nlr_ratio: {derive: lr_d / lr_g}"
CONDITIONAL = """
optimiser: {choice: [adam, sgd]}
beta1: {uniform: [0, 0.9], when: {optimiser: adam}}
momentum: {uniform: [0.5, 0.99], when: {optimiser: [sgd]}}
"""


def read(text: str, pins: Pins | None = None, family: str = "dcgan") -> SearchSpace:
    return space_of(parse_yaml(text, "s.yaml"), family, pins)[0]


MISTAKES = [
    ("lr_g: {log: [1e-2, 1e-5]}", "s.yaml, line 1: lr_g: the range [0.01, 1e-05] is reversed. Try [1e-05, 0.01]."),
    ("\nlr_ratio: {log: [0, 8]}", "s.yaml, line 2: lr_ratio: a log range must start above 0, got [0, 8]. Try [0.01, 8]."),
    ("lr_g: {log: [-1, 1]}", "must start above 0"),
    ("lr_g: {log: [1e-3, 1e-3]}", "is empty. To keep the value: {fixed: 0.001}"),
    ("lr_g: {log: [.nan, 1]}", "two finite numbers, got [nan, 1]"),
    ("lr_g: {log: [1e-5, .inf]}", "two finite numbers, got [1e-05, inf]"),
    ("lr_g: {log: [true, 2]}", "two finite numbers"),
    ("lr_g: {log: [1e-5]}", "is two numbers, from and to, got [1e-05]"),
    ("lr_g: {log: 1e-5}", "is two numbers"),
    ("lr_g: [1e-5, 1]", "a list alone says too little"),
    ("lr_g: abc", "lr_g is a number in (0, 1], got 'abc'"),
    ("lr_g: {log: [1e-5, 2]}", "lr_g is a number in (0, 1], got 2"),
    ("lr_g: {fixed: -1}", "lr_g is a number in (0, 1], got -1"),
    ("beta1: {uniform: [0, 3]}", "beta1 is a number in [0, 1), got 3"),
    ("k: {int: [0, 3]}", "k is a whole number in [1, 1000], got 0"),
    ("k: {choice: [0, 1]}", "k is a whole number in [1, 1000], got 0"),
    ("k: {choice: []}", "at least one value, got []"),
    ("k: {choice: [1, 2, 1]}", "the choice 1 stands twice"),
    ("k: {uniform: [1, 3]}", "k is a whole number, got the range {uniform: [1, 3]}. Use {int: [1, 3]}."),
    ("k: {int: [1.5, 3]}", "two whole numbers, got [1.5, 3]"),
    ("optimiser: {choice: [adam, admm]}", "optimiser is one of adam, rmsprop, sgd, got 'admm'. Did you mean \"adam\"?"),
    ("optimiser: {log: [1, 2]}", "so a range does not fit. Use {choice: [...]}."),
    ("lr: {log: [1e-5, 1]}", 'family dcgan has no such parameter, and nothing is derived from it. Did you mean "lr_g"?'),
    ("lr_g: {logg: [1, 2]}", "unknown key 'logg'. Did you mean \"log\"?"),
    ("lr_g: {fixed: 1e-3, log: [1, 2]}", "needs exactly one of"),
    ("lr_g: {}", "needs exactly one of"),
    ("lr_g: {fixed: 1e-3, when: {k: 1}}", "`when` goes with a searched range or choice"),
    ("beta1: {uniform: [0, 0.9], when: {optimizer: adam}}", "is on 'optimizer', which is no parameter. Did you mean \"optimiser\"?"),
    ("beta1: {uniform: [0, 0.9], when: {optimiser: sgd}}", "optimiser is always 'adam', so beta1 would never be searched"),
    ("optimiser: {choice: [adam, sgd]}\nbeta1: {uniform: [0, 0.9], when: {optimiser: rmsprop}}", "optimiser can never be 'rmsprop'"),
    ("beta1: {uniform: [0, 0.9]}\nnoise: {uniform: [0, 1], when: {beta1: 0.5}}", "a condition reads a choice or whole number"),
    ("k: {int: [1, 5]}\nnoise: {uniform: [0, 1], when: {k: [2, 9]}}", "k can never be 9"),
    ("k: {int: [1, 5]}\nnoise: {uniform: [0, 1], when: 3}", "`when` maps another parameter"),
    ("k: {int: [1, 5], when: {k: 2}}", "in a circle"),
    ("lr_g: {derive: lr_ratio * 2}\nlr_ratio: {derive: lr_g / 2}", "depend on each other in a circle"),
    ("k: {choice: [1, 2], when: {g_steps: 1}}\ng_steps: {choice: [1, 2], when: {k: 1}}", "depend on each other in a circle"),
    ("lr_ratio: {derive: lr_x / lr_g}", "reads 'lr_x', which is not in the space"),
    ("lr_ratio: {derive: lr_g - 1}", "lr_ratio is a number in (0, 10000], got -0.9998"),
    ("lr_d: {log: [1e-9, 1]}\nlr_ratio: {derive: lr_d / (lr_g - 2e-4)}", "division by zero"),
    ("lr_ratio: {derive: 'open(lr_g)'}", "is not allowed"),
    ("lr_ratio: {derive: 3}", "a derivation is a text"),
    ("x: {uniform: [0, 1], when: {k: 2}}\nk: {choice: [1, 2]}\nbeta1: {derive: x / 2}", "is there only sometimes"),
    ("lr_g: 2024-13-45", "not valid YAML"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_named(text: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        read(text)
    assert expected in str(raised.value)
    assert str(raised.value).startswith("s.yaml")
    assert len(str(raised.value).splitlines()) == 1


def test_derived_values_are_computed_and_helpers_left_out() -> None:
    assert read(DERIVED).resolve({"lr_g": 2e-4, "lr_d": 1e-4}) == {"lr_g": 2e-4, "lr_ratio": 0.5}


def test_whole_parameters_are_derived_as_whole_numbers() -> None:
    values = read("k: {choice: [1, 2]}\nbatch: {derive: 100 / (k + 1)}").resolve({"k": 2})
    assert values["batch"] == 33
    assert isinstance(values["batch"], int)


@pytest.mark.parametrize(
    ("params", "fits"),
    [
        ({"optimiser": "adam", "beta1": 0.5}, True),
        ({"optimiser": "sgd", "momentum": 0.9}, True),
        ({"optimiser": "sgd", "beta1": 0.5}, False),
        ({"optimiser": "adam"}, False),
        ({"optimiser": "adam", "beta1": 0.95}, False),
        ({"optimiser": "adam", "beta1": 0.5, "k": 1}, False),
    ],
)
def test_conditions_decide_which_names_a_point_has(params: dict[str, object], fits: bool) -> None:
    assert read(CONDITIONAL).fits(params) is fits


def test_a_condition_on_an_absent_parameter_does_not_hold() -> None:
    text = CONDITIONAL + "\nk: {choice: [1, 2], when: {optimiser: sgd}}\nnoise: {uniform: [0, 1], when: {k: 1}}"
    space = read(text)
    assert space.fits({"optimiser": "adam", "beta1": 0.1})
    assert space.fits({"optimiser": "sgd", "momentum": 0.9, "k": 1, "noise": 0.2})


def test_a_schedule_can_be_a_choice() -> None:
    space = read("k: {choice: [1, {0: 5, 20: 1}]}")
    assert space.resolve({"k": [[0.0, 5], [20.0, 1]]}) == {"k": ((0.0, 5), (20.0, 1))}


def test_fixed_and_searched_at_once_is_refused() -> None:
    with pytest.raises(UserError, match=r"w: lr_g is fixed at 0\.0001 there, and searched in s\.yaml, line 1: lr_g\."):
        read("lr_g: {log: [1e-5, 1e-3]}", Pins({"lr_g": 1e-4}, {}, "w: "))


def test_a_flag_takes_the_place_of_a_search_and_says_so() -> None:
    space, notes = space_of(parse_yaml(DERIVED, "s.yaml"), "dcgan", Pins({}, {"lr_ratio": 0.5}))
    assert list(space.parameters) == ["lr_g"]
    assert space.resolve({"lr_g": 1e-4}) == {"lr_ratio": 0.5, "lr_g": 1e-4}
    assert "derivation of lr_ratio is replaced by 0.5" in notes[0]
    assert "lr_d is no longer searched" in notes[1]


def test_a_flag_that_ends_a_condition_says_so() -> None:
    space, notes = space_of(parse_yaml(CONDITIONAL, "s.yaml"), "dcgan", Pins({}, {"optimiser": "sgd"}))
    assert space.fits({"momentum": 0.9})
    assert any("beta1 is not searched" in note for note in notes)


@pytest.mark.parametrize("text", [DERIVED, CONDITIONAL, "k: {choice: [1, {0: 5, 20: 1}]}\nlr_g: 1e-4"])
def test_json_round_trip(text: str) -> None:
    space = read(text)
    again = SearchSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    point = space.draw(random.Random(3))
    assert again.resolve(json.loads(json.dumps(point))) == space.resolve(point)


@pytest.mark.parametrize(("name", "family"), [("dcgan", "dcgan"), ("gan", "gan"), ("wgan_gp", "wgan_gp"), ("balance", "dcgan")])
def test_bundled_spaces_hold_the_canonical_setting(name: str, family: str) -> None:
    space, notes = open_space(name, family)
    assert notes == []
    assert space.project(space.defaults)[1] is None

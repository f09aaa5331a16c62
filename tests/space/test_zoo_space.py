"""One space file for several families: who searches what, what is shared, and how each mistake is answered."""

from __future__ import annotations

import json
import random

import pytest

from gantune.errors import UserError
from gantune.families import open_family
from gantune.search import Search
from gantune.space import ZooSpace, space_from_json, space_of, zoo_of
from gantune.space.reading import Pins
from gantune.space.samplers import grid
from gantune.spec.model import Sampler
from gantune.yaml_file import parse_yaml

FAMILIES = ("dcgan", "wgan", "wgan_gp", "began")
TEXT = """
lr_g: {log: [1e-5, 1e-2]}
k: {choice: [1, 5]}
optimiser: {choice: [rmsprop, adam], when: {family: wgan}}
beta1: {uniform: [0, 0.9], when: {optimiser: adam}}
clip: {log: [1e-3, 1], when: {family: wgan}}
penalty_weight: {log: [0.1, 100], when: {family: [wgan_gp, dragan]}}
diversity: {uniform: [0, 1], when: {family: [began]}}
"""


def read(text: str = TEXT, families: tuple[str, ...] = FAMILIES, pins: Pins | None = None) -> tuple[ZooSpace, list[str]]:
    return zoo_of(parse_yaml(text, "s.yaml"), families, pins)


def test_each_family_searches_what_the_conditions_give_it() -> None:
    space, notes = read()
    searched = {name: set(member.parameters) for name, member in space.members.items()}
    shared = {"lr_g", "k", "beta1"}
    assert searched == {
        "dcgan": shared,
        "wgan": shared | {"optimiser", "clip"},
        "wgan_gp": shared | {"penalty_weight"},
        "began": shared | {"diversity"},
    }
    assert notes == []
    assert space.conditional


def test_a_point_names_its_family_first_and_resolves_to_that_familys_values() -> None:
    space, _ = read()
    rng, seen = random.Random(0), set()
    for _ in range(60):
        point = space.draw(rng)
        seen.add(point["family"])
        assert next(iter(point)) == "family"
        assert space.fits(point)
        assert ("beta1" in point) == (point.get("optimiser", "adam") == "adam")
        assert space.resolve(point) == {name: value for name, value in point.items() if name != "family"}
        assert not space.fits(point | {"family": "gan"})
        assert not space.fits({name: value for name, value in point.items() if name != "family"})
    assert seen == set(FAMILIES)


def test_every_family_has_its_canonical_point() -> None:
    space, _ = read(pins=Pins({"features": 4}))
    canonical = space.canonical()
    assert [params["family"] for params, _ in canonical] == list(FAMILIES)
    wgan, note = canonical[1]
    own = open_family("wgan").canonical
    assert (wgan["lr_g"], wgan["k"], wgan["optimiser"], wgan["clip"]) == (own["lr_g"], own["k"], "rmsprop", own["clip"])
    assert note == "features 64 -> 4 (fixed)"


def test_it_survives_json_with_the_order_of_its_families() -> None:
    space, _ = read()
    again = space_from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert isinstance(again, ZooSpace)
    assert again.choice.choices == FAMILIES


def test_a_fixed_value_holds_for_the_families_that_have_it() -> None:
    space, notes = read(pins=Pins({"code_dim": 32, "batch": 20}))
    assert space.fixed == {"code_dim": 32, "batch": 20}
    assert notes == ["code_dim is fixed for the families that have it: began"]
    values = {point["family"]: space.resolve(point) for point in (space.draw(random.Random(seed)) for seed in range(40))}
    assert values["began"]["code_dim"] == 32
    assert "code_dim" not in values["dcgan"]
    assert values["dcgan"]["batch"] == 20


def test_a_constant_of_the_space_may_be_for_one_family() -> None:
    space, _ = read("lr_g: {log: [1e-5, 1e-2]}\nbatch: {fixed: 16, when: {family: began}}")
    assert space.members["began"].fixed == {"batch": 16}
    assert space.members["dcgan"].fixed == {}


def test_with_one_family_left_conditions_on_the_family_are_decided() -> None:
    space, notes = space_of(parse_yaml(TEXT, "s.yaml"), "wgan_gp")
    assert set(space.parameters) == {"lr_g", "k", "beta1", "penalty_weight"}
    assert all("family" not in domain.when for domain in space.parameters.values())
    assert notes == ["optimiser, clip, diversity are not searched, as their conditions are on families that are not in this sweep"]


def test_what_no_family_of_the_sweep_has_is_said() -> None:
    _, notes = read(families=("dcgan", "wgan"))
    assert any("penalty_weight" in note and "on families that are not in this sweep" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "pins", "message"),
    [
        (
            "lr_g: {log: [1e-5, 1e-2]}\npenalty_weight: {log: [0.1, 100]}",
            Pins(),
            "s.yaml, line 2: penalty_weight: family began has no such parameter, and nothing is derived from it. "
            "Give it a condition: when: {family: [dcgan, wgan, wgan_gp]}.",
        ),
        ("clip: {log: [1e-3, 1], when: {family: [wgan, dcgan]}}", Pins(), "family dcgan has no such parameter"),
        ("clip: {log: [1e-3, 1], when: {family: wgam}}", Pins(), "line 1: clip.when.family: unknown family 'wgam'. Did you mean \"wgan\"?"),
        ("lr: {log: [1e-5, 1]}", Pins(), 'Did you mean "lr_g"?'),
        ("family: {choice: [gan, dcgan]}", Pins(), "which families there are stands in the sweep file"),
        ("lr_g: {log: [1e-5, 1]}\nmomentum: {uniform: [0, 0.9], when: {optimiser: sgd}}", Pins(), "so momentum would never be searched"),
        ("lr_g: {log: [1e-5, 1]}", Pins({"bacth": 3}, where="z.yaml: fixed: "), "z.yaml: fixed: no family has a parameter 'bacth'"),
        ("lr_g: {log: [1e-5, 1]}", Pins({"lr_g": 1e-3}, where="z.yaml: fixed: "), "lr_g is fixed at 0.001 there, and searched in s.yaml"),
        ("lr_g: {log: [1e-5, 2]}", Pins(), "lr_g is a number in (0, 1], got 2"),
    ],
)
def test_mistakes(text: str, pins: Pins, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(text, pins=pins)
    assert message in str(caught.value)


def test_a_grid_goes_through_every_family() -> None:
    space, _ = read("k: {choice: [1, 5]}\noptimiser: {choice: [rmsprop, adam], when: {family: wgan}}", ("dcgan", "wgan"))
    points = [tuple(point.values()) for point in grid(space)]
    assert points == [("dcgan", 1), ("dcgan", 5)] + [("wgan", k, optimiser) for k in (1, 5) for optimiser in ("rmsprop", "adam")]


def test_tpe_learns_which_family_is_best_and_its_history_comes_back() -> None:
    def value(params: dict[str, object]) -> float:
        assert isinstance(params["lr_g"], float)
        return {"dcgan": 60.0, "wgan": 50.0, "wgan_gp": 20.0, "began": 90.0}[str(params["family"])] + 1000 * params["lr_g"]

    space, _ = read()
    search = Search(space, Sampler("tpe", 0, {"n_startup_trials": 12}))
    for params, note in space.canonical():
        search.enqueue(params, note)
    asked = []
    for number in range(40):
        one = search.ask()
        assert one is not None
        asked.append(one.params)
        search.report(number, 4.0, value(one.params))
        search.tell(number, "budget", value(one.params))
    assert [params["family"] for params in asked[:4]] == list(FAMILIES)
    assert all(space.fits(params) for params in asked)
    late = [params["family"] for params in asked[25:]]
    assert late.count("wgan_gp") > len(late) / 2

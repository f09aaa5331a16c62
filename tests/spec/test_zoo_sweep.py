"""Sweeps over several families."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gantune.bundled import bundled_folder
from gantune.errors import UserError
from gantune.families import family_names, open_family
from gantune.preflight import check_opens
from gantune.schema import json_schema
from gantune.space import SearchSpace, ZooSpace
from gantune.spec import SweepSpec, load_sweep
from gantune.yaml_file import read_yaml

BASE = """\
family: [gan, dcgan, wgan_gp]
space: zoo
data: mnist5k
fixed: {image_size: 32, features: 4, batch: 64}
budget: {trials: 6, kimg: 20, report_every: 4}
stopping: [diverged, d_won]
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str = BASE, **options: Any) -> SweepSpec:
    Path("my.yaml").write_text(text)
    return load_sweep("my.yaml", **options)


def test_the_family_is_part_of_the_search() -> None:
    spec = load()
    assert spec.family == spec.families == ("gan", "dcgan", "wgan_gp")
    assert isinstance(spec.space, ZooSpace)
    assert SweepSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    config = spec.config(spec.space.canonical()[2][0])
    assert (config.family.name, config.training.k, config.arch.features) == ("wgan_gp", 5, 4)


@pytest.mark.parametrize("given", ["dcgan", "[dcgan]"])
def test_set_leaves_one_family_which_is_then_a_plain_sweep(given: str) -> None:
    spec = load_sweep("zoo", sets=[f"family={given}"])
    assert spec.family == "dcgan"
    assert isinstance(spec.space, SearchSpace)
    assert set(spec.space.parameters) == {"lr_g", "k", "beta1", "d_norm", "g_loss"}
    assert spec.to_json()["family"] == "dcgan"


def test_set_takes_a_shorter_list_and_parameters_of_any_family() -> None:
    spec = load(sets=["family=[wgan, dcgan]", "clip=0.1"])
    assert spec.families == ("wgan", "dcgan")
    assert spec.space.fixed["clip"] == 0.1
    assert any("clip is fixed for the families that have it: wgan" in note for note in spec.notes)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[gan, dcgan, wgan_gp]", "[gan, dcgn]", "my.yaml, line 1: family: unknown family 'dcgn'. Did you mean \"dcgan\"?"),
        ("[gan, dcgan, wgan_gp]", "[gan, dcgan, gan]", "line 1: family: 'gan' and another are both called 'gan'"),
        ("[gan, dcgan, wgan_gp]", "[]", "my.yaml, line 1: family: one family or more is needed, got []."),
        ("space: zoo\n", "", "space: is missing; a sweep over several families names its space."),
        ("features: 4", "faetures: 4", "line 4: fixed: no family has a parameter 'faetures'. Did you mean \"features\"?"),
        ("[diverged, d_won]", "[d_wno]", "unknown stop rule 'd_wno'"),
        ("data: mnist5k", "data: ring8", "(Of the sweep's families this is dcgan.)"),
    ],
)
def test_mistakes(old: str, new: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(BASE.replace(old, new))
    assert message in str(caught.value)


def test_a_rule_that_some_families_cannot_support_is_off_for_these_and_said_once() -> None:
    [note] = check_opens(load())
    assert note.startswith("stop rule d_won is off for wgan_gp: ")
    with pytest.raises(UserError, match="stop rule 'd_won' cannot be used with any of these families"):
        load(BASE.replace("[gan, dcgan, wgan_gp]", "[wgan, wgan_gp]"))


def test_fewer_trials_than_families_are_told() -> None:
    assert any("2 trials are fewer than the 3 families: only the canonical setting of gan, dcgan" in note for note in load(trials=2).notes)


def test_a_family_of_the_users_own_may_stand_in_the_list() -> None:
    Path("mine.py").write_text("from gantune.families.dcgan import DCGAN\n\n\nclass Mine(DCGAN):\n    name = 'mine'\n")
    Path("s.yaml").write_text("lr_g: {log: [1e-5, 1e-2]}\nk: {choice: [1, 5], when: {family: mine}}\n")
    spec = load(BASE.replace("dcgan", "./mine.py:Mine").replace("space: zoo", "space: ./s.yaml"))
    assert spec.families[1] == f"{Path('mine.py').resolve()}:Mine"
    assert isinstance(spec.space, ZooSpace)
    assert list(spec.space.members) == ["gan", "mine", "wgan_gp"]
    assert "k" in spec.space.members["mine"].parameters
    assert spec.space.family_of({"family": "mine"}) == spec.families[1]


def test_the_zoo_has_every_family_that_needs_no_more_than_images() -> None:
    spec = load_sweep("zoo")
    assert set(spec.families) == {name for name in family_names() if open_family(name).needs == "examples"}
    assert not [note for note in spec.notes if "not searched" in note]


@pytest.mark.parametrize("kind", ["sweep", "space"])
def test_the_schemas_accept_the_zoo(kind: str) -> None:
    folder = bundled_folder("sweeps" if kind == "sweep" else "search_spaces")
    jsonschema.validate(read_yaml(folder / "zoo.yaml").content, json_schema(kind))

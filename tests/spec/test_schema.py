"""The schemas accept what gantune accepts, and mark the commonest mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gantune.bundled import bundled_folder
from gantune.errors import UserError
from gantune.schema import json_schema
from gantune.yaml_file import parse_yaml, read_yaml

SHIPPED = ("balance", "dcgan", "gan", "wgan_gp")  # a person's own files may lie beside them in a checkout
FILES = [("sweep", bundled_folder("sweeps") / f"{name}.yaml") for name in SHIPPED]
FILES += [("space", bundled_folder("search_spaces") / f"{name}.yaml") for name in SHIPPED]


@pytest.mark.parametrize("kind", ["sweep", "space"])
def test_it_is_a_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize(("kind", "file"), FILES, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_bundled_files_are_valid(kind: str, file: Path) -> None:
    jsonschema.validate(read_yaml(file).content, json_schema(kind))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "sweep",
            "family: ./my_gan.py:MyGAN\ndata: folder:pictures\nstopping: [{plateau: {patience_kimg: 9}}, ./r.py:Rule]\nobjective: kid",
        ),
        ("sweep", "family: dcgan\nstorage: {checkpoints_gb: 50}\non_gpu: {storage: {checkpoints_gb: 500}}"),
        ("sweep", "family: dcgan\nscheduler: none\nfixed: {k: {0: 5, 20: 1}}"),
        ("sweep", "family: dcgan\nresources: {cpu: 2, gpu: auto}"),
        ("space", "lr_d: {log: [1e-5, 1]}\nlr_ratio: {derive: lr_d / lr_g}\nk: {int: [1, 5], when: {optimiser: [adam]}}\nbatch: 64"),
    ],
)
def test_what_gantune_accepts_is_valid(kind: str, text: str) -> None:
    jsonschema.validate(_as_json(parse_yaml(text, "s").content), json_schema(kind))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("sweep", "family: dcgan\nbugdet: {trials: 3}"),
        ("sweep", "family: dcgan\nbudget: {trials: 0}"),
        ("sweep", "family: dcgn"),
        ("sweep", "family: dcgan\nstorage: {checkpoints_gb: 0}"),
        ("sweep", "space: dcgan"),
        ("sweep", "family: dcgan\nscheduler: {asha: {grace: 2}}"),
        ("sweep", "family: dcgan\nstopping: [d_one]"),
        ("sweep", "family: dcgan\nobjective: {metric: d_loss}"),
        ("sweep", "family: dcgan\nfixed: {beta1: 3}"),
        ("sweep", "family: dcgan\nresources: {gpu: some}"),
        ("sweep", "family: dcgan\non_gpu: {budgt: {trials: 3}}"),
        ("space", "lr_g: {logg: [1, 2]}"),
        ("space", "lr_g: {log: [0, 2]}"),
        ("space", "lr_g: {log: [1e-5]}"),
        ("space", "k: {choice: []}"),
        ("space", "k: [1, 2]"),
    ],
)
def test_mistakes_are_not_valid(kind: str, text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_as_json(parse_yaml(text, "s").content), json_schema(kind))


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UserError, match='Did you mean "sweep"'):
        json_schema("sweeps")


def _as_json(content: Any) -> Any:
    """Keys as texts, as an editor sees them."""
    return {str(key): _as_json(value) for key, value in content.items()} if isinstance(content, dict) else content


def test_a_rule_of_ones_own_may_have_options() -> None:
    """As the loader runs it; a misspelt bundled rule is still refused."""
    rules = json_schema("sweep")["properties"]["stopping"]
    jsonschema.validate(["diverged", {"./my_rule.py:TooSlow": {"after_kimg": 2}}], rules)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{"plateauu": {}}], rules)

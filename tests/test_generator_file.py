"""What an exported generator can be asked for by label, and what is said where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toys import dataset_for, toy_config

from gantune.data import Form
from gantune.errors import UserError
from gantune.generator_file import GeneratorFile, export_generator, load_generator

IMAGE = (1, 16, 16)


def loaded(folder: Path, name: str, form: Form, **values: object) -> GeneratorFile:
    config = toy_config(name, "images", **values)
    net = config.family.build(config.arch, form).g
    export_generator(folder / "generator.safetensors", config, name, form, net, {})
    return load_generator(folder / "generator.safetensors")


def test_a_class_is_asked_for_by_number_or_name(tmp_path: Path) -> None:
    generator = loaded(tmp_path, "cgan", Form(IMAGE, classes=3, names=("cat", "dog", "2")))
    assert generator.form.names == ("cat", "dog", "2")
    by_name, by_number = generator.sample(5, label="dog"), generator.sample(5, label="1")
    assert by_name.y.tolist() == [1] * 5
    assert torch.equal(by_name.x, by_number.x)
    assert not torch.equal(by_name.x, generator.sample(5, label="cat").x)
    assert generator.sample(24).y.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    no_class = r"no such class\. It is a number from 0 to 2, or a name"
    for label, said in (("3", no_class), ("-1", no_class), ("dgo", 'Did you mean "dog"')):
        with pytest.raises(UserError, match=said):
            generator.sample(5, label=label)


def test_attributes_are_asked_for_together(tmp_path: Path) -> None:
    generator = loaded(tmp_path, "cgan", Form(IMAGE, attributes=3, names=("bald", "old", "smiling")))
    assert generator.sample(2, label="smiling, bald").y.tolist() == [[1, 0, 1]] * 2
    assert generator.sample(2, label="1").y.tolist() == [[0, 1, 0]] * 2
    with pytest.raises(UserError, match=r"label 'young': there is no such attribute\. .* There is: bald, old, smiling"):
        generator.sample(2, label="smiling,young")


def test_a_code_is_asked_for_by_number(tmp_path: Path) -> None:
    form = dataset_for("images").form
    generator = loaded(tmp_path, "infogan", form, categories=4)
    assert generator.sample(3, label="3").code.tolist() == [3] * 3
    assert generator.sample(16).code.tolist() == [0] * 8 + [1] * 8
    with pytest.raises(UserError, match=r"no such code\. It is a number from 0 to 3"):
        generator.sample(3, label="4")


@pytest.mark.parametrize("name", ["dcgan", "bigan"])
def test_who_is_not_told_takes_no_label(tmp_path: Path, name: str) -> None:
    generator = loaded(tmp_path, name, dataset_for("images").form)
    with pytest.raises(UserError, match=f"family {name} is not told what to make"):
        generator.sample(3, label="1")

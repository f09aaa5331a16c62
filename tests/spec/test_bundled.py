"""Where sweeps and spaces are found."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from gantune import bundled
from gantune.families import family_names
from gantune.space.samplers import grid
from gantune.spec import load_sweep
from gantune.yaml_file import parse_yaml


def test_every_family_has_a_sweep_and_a_space_of_its_name() -> None:
    assert set(family_names()) <= set(bundled.names("sweeps"))
    assert set(family_names()) <= set(bundled.names("search_spaces"))


def test_an_installed_copy_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "gantune"
    (package / "_bundled" / "sweeps").mkdir(parents=True)
    (package / "_bundled" / "sweeps" / "shipped.yaml").write_text("family: dcgan")
    monkeypatch.setattr(bundled, "__file__", str(package / "bundled.py"))
    monkeypatch.chdir(tmp_path)
    assert bundled.names("sweeps") == ("shipped",)
    path, shown = bundled.find("sweeps", "shipped")
    assert (path.read_text(), shown) == ("family: dcgan", "sweeps/shipped.yaml")


def test_spaces_are_listed_with_what_they_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listed = {entry["name"]: entry["parameters"] for entry in bundled.list_spaces()}
    assert listed["dcgan"] == ["lr_g", "lr_ratio", "k", "beta1"]
    assert listed["balance"] == ["lr_ratio", "seed"]


def test_the_readme_shows_the_sweep_file_as_it_is_and_flags_that_work() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"```yaml\n{(bundled.bundled_folder('sweeps') / 'dcgan.yaml').read_text()}```" in readme
    command, lists = re.findall(r"^gantune sweep dcgan (--set .*)$", readme, flags=re.MULTILINE)[-2:]
    for typed in (command, lists):
        load_sweep("dcgan", sets=[part for part in shlex.split(typed) if part != "--set"])
    options = parse_yaml(readme.split("or a name with options:\n\n```yaml\n")[1].split("```")[0], "README.md").content
    spec = load_sweep("dcgan", sets=[f"{key}={json.dumps(value)}" for key, value in options.items()])
    assert spec.stopping == ("diverged", {"d_won": {"accuracy": 0.995}}, {"plateau": {"patience_kimg": 20, "improvement": 0.01}})


def test_schedules_runs_from_two_g_steps_a_d_step_to_five_d_steps_a_g_step() -> None:
    spec = load_sweep("schedules")
    points = [spec.config(params).training for params in grid(spec.space)]
    assert spec.budget.trials == len(points) == 30
    assert {(point.k, point.g_steps) for point in points} == {(1, 2), (1, 1), (2, 1), (3, 1), (5, 1)}
    assert {point.d_warmup for point in points} == {0.0, 4.0}
    assert spec.space.canonical()[0][0] == {"d_warmup": 0, "d_per_g": 1, "seed": 0}

"""Where sweeps and spaces are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantune import bundled
from gantune.families import family_names


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

"""A laptop for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from laptops import HERE, Laptop, standin

from gantune.remote import launcher


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    """In its folder, with nothing started yet."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = Laptop(folder, tmp_path / "head", tmp_path / "tmp")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("tempfile.tempdir", str(made.temporary))
    monkeypatch.setattr(launcher, "RAY", standin())
    monkeypatch.setenv("STANDIN", str(made.place))
    monkeypatch.setenv("PYTHONPATH", str(HERE.parents[1]))
    monkeypatch.setenv("COLUMNS", "200")
    return made

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recorded_sweeps import new_sweep

from gantune.errors import UserError
from gantune.tracking.store import find_sweep, list_sweeps, new_instance


def test_names_mean_the_latest_instance_latest_the_latest_of_all(tmp_path: Path) -> None:
    for name in ("dcgan", "dcgan", "balance", *["dcgan"] * 8):
        new_sweep(tmp_path, name)
    assert find_sweep(tmp_path, "dcgan").name == "dcgan-10"
    assert find_sweep(tmp_path, "dcgan-2").name == "dcgan-2"
    assert find_sweep(tmp_path, "balance").name == "balance-1"
    new_sweep(tmp_path, "balance")
    assert find_sweep(tmp_path, "latest").name == "balance-2"
    assert len(list_sweeps(tmp_path)) == 12


def test_a_frozen_sweep_is_on_the_disk_with_its_name_and_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda file: called.append(Path(os.readlink(f"/proc/self/fd/{file}")).name))
    folder = new_sweep(tmp_path)
    assert called[0].startswith(".sweep.json")
    assert called[1:] == [folder.name, tmp_path.name]


def test_an_unknown_sweep_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no sweep in .* yet"):
        find_sweep(tmp_path / "nowhere", "latest")
    new_sweep(tmp_path, "dcgan")
    with pytest.raises(UserError, match=r'there is no sweep .dcgna.*Did you mean "dcgan"'):
        find_sweep(tmp_path, "dcgna")
    with pytest.raises(UserError, match="there is no sweep 'dcgan-7'"):
        find_sweep(tmp_path, "dcgan-7")


def test_a_new_instance_never_takes_a_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "dcgan-4").mkdir()  # begun, never frozen
    assert new_instance(tmp_path, "dcgan").name == "dcgan-5"
    assert new_instance(tmp_path, "wgan-gp").name == "wgan-gp-1"


def test_a_runs_folder_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        new_instance(tmp_path / "file", "dcgan")

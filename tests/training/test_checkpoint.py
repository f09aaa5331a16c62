"""Checkpoint files: whole or not at all, and nothing in them is ever run."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path

import pytest
import torch

from gantune.errors import UserError
from gantune.training import checkpoint

CONTENT = {"weights": torch.arange(5.0), "points": [{"kimg": 4.0}], "name": "x", "none": None}


def test_content_comes_back(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt", CONTENT)
    loaded = checkpoint.load(tmp_path / "a.pt")
    assert torch.equal(loaded["weights"], CONTENT["weights"])
    assert loaded["points"] == CONTENT["points"]
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def test_a_kept_checkpoint_outlives_its_successor(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.pt", CONTENT)
    checkpoint.keep_as(tmp_path / "last.pt", tmp_path / "best.pt")
    checkpoint.save(tmp_path / "last.pt", CONTENT | {"name": "y"})
    assert checkpoint.load(tmp_path / "best.pt")["name"] == "x"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    file = tmp_path / "a.pt"
    checkpoint.save(file, CONTENT)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(UserError, match="damaged or truncated"):
        checkpoint.load(file)


class Bomb:
    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.target,)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_code_in_a_file_is_not_run(tmp_path: Path, form: str) -> None:
    file, trace = tmp_path / "a.pt", tmp_path / "was-run"
    bomb = {"format": checkpoint.FORMAT, "x": Bomb(str(trace))}
    if form == "torch":
        torch.save(bomb, file)
    else:
        file.write_bytes(pickle.dumps(bomb))
    with pytest.raises(UserError, match=r"a\.pt"):
        checkpoint.load(file)
    assert not trace.exists()


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "none.pt")
    torch.save({"x": 1}, tmp_path / "foreign.pt")
    with pytest.raises(UserError, match="no gantune checkpoint"):
        checkpoint.load(tmp_path / "foreign.pt")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ESTALE, "Stale file handle"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    ],
)
def test_what_the_machine_refuses_is_no_damage_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*given: object, **more: object) -> None:
        raise error

    checkpoint.save(tmp_path / "a.pt", CONTENT)
    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(type(error)) as told:
        checkpoint.load(tmp_path / "a.pt")
    assert str(error) in str(told.value)

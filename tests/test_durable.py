"""Errors of the disk say which file, and how much room there is; nothing half written stays."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError
from toys import toy_config

from gantune import durable
from gantune.data import Form
from gantune.generator_file import export_generator
from gantune.pictures import write_png
from gantune.runtime.work import is_passing, last_line
from gantune.training import checkpoint

FULL = Path("/dev/full")  # takes nothing, as a full disk
on_linux = pytest.mark.skipif(not FULL.exists(), reason="has no /dev/full")


def full(path: Path) -> Path:
    """The partial file of `path`, on a full disk."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.symlink_to(FULL)
    return partial


@on_linux
def test_a_full_disk_names_the_checkpoint_and_the_room_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "_free", lambda folder: "0 bytes")
    path = tmp_path / "last.pt"
    path.write_bytes(b"before")
    partial = full(path)
    with pytest.raises(OSError, match=r"No space left") as failed:
        checkpoint.save(path, {"weights": np.float64(1.0).item(), "many": list(range(100_000))})
    assert (failed.value.errno, failed.value.filename) == (errno.ENOSPC, str(path))
    assert f"No space left on device (0 bytes free without it): '{path}'" in last_line(failed.value)
    assert is_passing(failed.value)
    assert path.read_bytes() == b"before"
    assert not partial.is_symlink(), "it would keep the disk full"


@pytest.mark.parametrize("is_full", [True, False])
def test_torchs_own_error_about_a_full_disk_is_the_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_full: bool) -> None:
    def save(*_: Any) -> None:
        """As torch.save on a disk that is full after some megabytes."""
        try:
            if is_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(OSError if is_full else RuntimeError) as failed:
        checkpoint.save(tmp_path / "last.pt", {})
    assert is_passing(failed.value) == is_full
    assert not list(tmp_path.iterdir())


@on_linux
def test_pictures_and_copies_of_checkpoints_say_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full(tmp_path / "kimg_000004.png")
    with pytest.raises(OSError, match=rf"No space left on device \([\d,]+ bytes free without it\): '{tmp_path}/kimg_000004.png'"):
        write_png(tmp_path / "kimg_000004.png", np.zeros((400, 400, 3), np.uint8))
    (tmp_path / "last.pt").write_bytes(bytes(100))

    def no_links(*_: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "write_bytes", no_links)
    with pytest.raises(OSError, match=rf"Read-only file system \([\d,]+ bytes free without it\): '{tmp_path}/best.pt'"):
        checkpoint.keep_as(tmp_path / "last.pt", tmp_path / "best.pt")


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "last.pt"
    with pytest.raises(FileNotFoundError, match=re.escape(f"(an unknown number of bytes free without it): '{path}'")):
        checkpoint.save(path, {})


@pytest.mark.parametrize(("said", "number"), [("I/O error: No space left on device (os error 28)", errno.ENOSPC), ("odd shape", None)])
def test_the_systems_error_behind_one_of_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, number: int | None
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise SafetensorError(said)

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    config, form = toy_config("gan", "images"), Form((1, 16, 16))
    net = config.family.build(config.arch, form).g
    with pytest.raises((OSError, SafetensorError)) as failed:
        export_generator(tmp_path / "generator.safetensors", config, "gan", form, net, {})
    assert getattr(failed.value, "errno", None) == number
    assert ("bytes free without it" in str(failed.value)) == (number is not None)

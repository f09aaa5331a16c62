"""folder:PATH over real files of all kinds."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from PIL import Image

from gantune.data import open_dataset
from gantune.errors import UserError


def fill(folder, count, *, mode="RGB", size=(40, 30), suffix="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for row in range(count):
        value = (row, 100, 255 - row) if mode == "RGB" else row
        Image.new(mode, size, value).save(folder / f"{row:04d}.{suffix}")
    return folder


def opened(folder, cache, size=16):
    return open_dataset(f"folder:{folder}", size, cache)


def test_any_size_and_kind_becomes_one_tensor(tmp_path):
    folder = fill(tmp_path / "in", 12)
    fill(folder / "deeper", 20, size=(17, 90), suffix="jpg")
    (folder / "notes.txt").write_text("not a picture")
    data = opened(folder, tmp_path / "cache")
    assert data.shape == (3, 16, 16)
    assert (len(data.train), len(data.heldout)) == (29, 3)
    assert open_dataset(f"folder:{folder}", cache=tmp_path / "cache").shape == (3, 64, 64)


def test_the_split_is_fixed_and_a_tenth(tmp_path):
    folder = fill(tmp_path / "in", 100)
    one, two = opened(folder, tmp_path / "one"), opened(folder, tmp_path / "two")
    assert (len(one.train), len(one.heldout)) == (90, 10)
    assert torch.equal(one.train, two.train)
    assert one.fingerprint == two.fingerprint
    names = torch.cat([one.train, one.heldout])[:, 0, 8, 8]
    assert sorted(names.tolist()) == list(range(100)), "every picture once"
    assert names.tolist() != list(range(100)), "in random order"


def test_grey_only_when_all_files_are(tmp_path):
    folder = fill(tmp_path / "in", 12, mode="L")
    assert opened(folder, tmp_path / "cache").shape == (1, 16, 16)
    Image.new("RGB", (9, 9), (200, 0, 0)).save(folder / "red.png")
    assert opened(folder, tmp_path / "cache").shape == (3, 16, 16)


def test_the_crop_is_central_and_the_orientation_upright(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pixels = np.zeros((20, 60), np.uint8)
    pixels[:, 20:40] = 255
    for row in range(10):
        Image.fromarray(pixels).save(folder / f"{row}.png")
    assert opened(folder, tmp_path / "cache", 20).train.min() == 255
    turned = tmp_path / "turned"
    turned.mkdir()
    half = np.zeros((16, 16), np.uint8)
    half[:, 8:] = 255  # right half white; upright after a quarter turn it is the lower half
    exif = Image.Exif()
    exif[0x0112] = 6
    for row in range(10):
        Image.fromarray(half).save(turned / f"{row}.png", exif=exif)
    upright = opened(turned, tmp_path / "cache").train[0, 0]
    assert upright[12, 2] == 255
    assert upright[2, 12] == 0


def test_sixteen_bit_grey_keeps_its_range(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for row in range(10):
        Image.fromarray(np.full((8, 8), row * 257 * 20, np.uint16)).save(folder / f"{row}.png")
    data = opened(folder, tmp_path / "cache", 8)
    assert sorted(torch.cat([data.train, data.heldout])[:, 0, 0, 0].tolist()) == [row * 20 for row in range(10)]


def test_a_dark_sixteen_bit_picture_stays_dark(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for row in range(10):
        Image.fromarray(np.full((8, 8), 25 * row, np.uint16)).save(folder / f"{row}.png")
    data = opened(folder, tmp_path / "cache", 8)
    assert torch.cat([data.train, data.heldout]).max() <= 1


def test_a_changed_file_is_seen_and_an_unchanged_folder_not_read_again(tmp_path, monkeypatch):
    folder = fill(tmp_path / "in", 12)
    before = opened(folder, tmp_path / "cache")
    with monkeypatch.context() as closed:
        closed.setattr(Image, "open", None)
        assert opened(folder, tmp_path / "cache").fingerprint == before.fingerprint
    Image.new("RGB", (40, 30), (250, 250, 250)).save(folder / "0003.png")
    os.utime(folder / "0003.png", ns=(1, 1))
    assert opened(folder, tmp_path / "cache").fingerprint != before.fingerprint


def test_bad_folders_are_refused_and_leave_nothing(tmp_path):
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match=r"no such folder"):
        opened(tmp_path / "nowhere", cache)
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "a.txt").write_text("")
    with pytest.raises(UserError, match="holds no pictures"):
        opened(empty, cache)
    with pytest.raises(UserError, match="3 pictures are too few"):
        opened(fill(tmp_path / "few", 3), cache)
    for name, content in (("cut.png", None), ("text.jpg", b"not a picture at all"), ("void.png", b"")):
        folder = fill(tmp_path / name, 12)
        (folder / name).write_bytes(content if content is not None else (folder / "0001.png").read_bytes()[:60])
        with pytest.raises(UserError, match=f"{name}/{name}: cannot be read"):
            opened(folder, cache)
    assert not list(cache.rglob("*.safetensors"))

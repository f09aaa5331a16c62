"""Downloaded data sets, with the downloads replaced by small stand-ins."""

from __future__ import annotations

import gzip
import struct
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from gantune.data import Form, open_dataset
from gantune.errors import UserError


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "celeba"])
def test_a_failed_download_says_what_to_do_instead(tmp_path, monkeypatch, name):
    def offline(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    monkeypatch.setattr("torchvision.datasets.utils.download_file_from_google_drive", offline)
    with pytest.raises(UserError, match=r"(?s)data .*download failed.*by hand.*mnist5k.*folder:PATH") as caught:
        open_dataset(name, cache=tmp_path)
    assert str(tmp_path / "data" / "downloads") in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3
    assert not list((tmp_path / "data").glob("*.safetensors"))


def test_mnist_files_put_there_by_hand_are_used(tmp_path):
    raw = tmp_path / "data" / "downloads" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = {}
    for part, n in (("train", 30), ("t10k", 10)):
        pixels[part] = np.random.RandomState(n).randint(0, 256, (n, 28, 28), dtype=np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, n, 28, 28) + pixels[part].tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, n) + bytes(range(n)))
    data = open_dataset("mnist", cache=tmp_path)
    assert data.shape == (1, 32, 32)
    np.testing.assert_array_equal(data.train[:, 0, 2:30, 2:30], pixels["train"])
    np.testing.assert_array_equal(data.heldout[:, 0, 2:30, 2:30], pixels["t10k"])
    assert data.heldout_labels.tolist() == list(range(10))


def test_cifar10_keeps_its_channels_and_order(tmp_path, monkeypatch):
    class Stub:
        def __init__(self, root, download, train):
            self.data = np.full((20 if train else 5, 32, 32, 3), [10, 20, 30], np.uint8)
            self.targets = list(range(len(self.data)))

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Stub)
    data = open_dataset("cifar10", cache=tmp_path)
    assert data.train.shape == (20, 3, 32, 32)
    assert data.heldout.shape == (5, 3, 32, 32)
    assert data.train[3, :, 7, 7].tolist() == [10, 20, 30]
    assert data.labels.tolist() == list(range(20))


def test_celeba_is_cropped_to_its_central_square(tmp_path, monkeypatch):
    class Stub:
        def __init__(self, root, download, split):
            self.n = {"train": 6, "test": 2}[split]
            self.attr = torch.arange(self.n * 2).view(self.n, 2) % 3 % 2
            self.attr_names = ["Bald", "Smiling", ""]  # as torchvision reads the file's header

        def __len__(self):
            return self.n

        def __getitem__(self, row):
            pixels = np.zeros((218, 178, 3), np.uint8)
            pixels[20:198] = [200, 100, row]  # what lies outside the square is black
            return Image.fromarray(pixels), 0

    monkeypatch.setattr(torchvision.datasets, "CelebA", Stub)
    data = open_dataset("celeba", cache=tmp_path)
    assert data.shape == (3, 64, 64)
    assert (len(data.train), len(data.heldout)) == (6, 2)
    assert torch.equal(data.train[4].flatten(1).float().mean(1), torch.tensor([200.0, 100.0, 4.0]))
    assert data.form == Form((3, 64, 64), attributes=2, names=("Bald", "Smiling"))
    assert data.labels.tolist() == [[0, 1], [0, 0], [1, 0], [0, 1], [0, 0], [1, 0]]
    assert data.heldout_labels.tolist() == [[0, 1], [0, 0]]


def test_compressed_mnist_files_are_refused_when_they_are_not_mnist(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    raw = tmp_path / "data" / "downloads" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    with gzip.open(raw / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(b"something else")
    with pytest.raises(UserError, match="download failed"):
        open_dataset("mnist", cache=tmp_path)

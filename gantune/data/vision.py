"""Data sets that torchvision downloads, prepared once into the cache."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantune.data.dataset import Dataset
from gantune.data.pictures import fit, resize
from gantune.data.prepared import Splits, dataset_from_splits, opened, write_pictures
from gantune.errors import UserError

TIMEOUT = 60.0  # seconds without a byte
DECODED_AT_ONCE = 512


@dataclass(frozen=True)
class Source:
    """A torchvision data set: its class there, and the files it wants below the download folder."""

    kind: str
    files: str


SOURCES = {
    "mnist": Source("MNIST", "MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz"),
    "fashion_mnist": Source("FashionMNIST", "FashionMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz"),
    "cifar10": Source("CIFAR10", "cifar-10-python.tar.gz"),
    "celeba": Source("CelebA", "celeba/{img_align_celeba.zip,list_eval_partition.txt,list_attr_celeba.txt,identity_CelebA.txt,"
                     "list_bbox_celeba.txt,list_landmarks_align_celeba.txt}"),
}  # fmt: skip


def open_vision(name: str, size: int, folder: Path) -> Dataset:
    """`name` with its published training and test parts as train and held-out. `UserError` when it cannot be had."""
    downloads = folder / "downloads"
    about = {"data": name, "size": str(size), "version": "2" if name == "celeba" else "1"}
    path = folder / f"{name}-{size}.safetensors"
    if name == "celeba":
        return opened(name, path, lambda path: _write_celeba(path, size, downloads, about), about)
    return dataset_from_splits(name, path, lambda: _splits(name, size, downloads), about)


def _splits(name: str, size: int, downloads: Path) -> Splits:
    def part(train: bool) -> tuple[Tensor, Tensor]:
        data = _download(name, downloads, train=train)
        images = torch.as_tensor(data.data)  # (N, 28, 28) or (N, 32, 32, 3)
        images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)
        return fit(images.contiguous(), size), torch.as_tensor(data.targets, dtype=torch.int64)

    (train, labels), (heldout, heldout_labels) = part(True), part(False)
    return train, heldout, labels, heldout_labels


def _write_celeba(path: Path, size: int, downloads: Path, about: dict[str, str]) -> None:
    splits = [_download("celeba", downloads, split=split) for split in ("train", "test")]
    attributes = torch.cat([torch.as_tensor(split.attr) for split in splits]).to(torch.uint8)  # (N, 40) in {0, 1}
    names = [name for name in splits[0].attr_names if name]
    shape, n_heldout = (3, size, size), len(splits[1])
    write_pictures(path, len(attributes), shape, _faces(splits, size), about, n_heldout, attributes.numpy(), names)


def _faces(splits: list[Any], size: int) -> Iterator[np.ndarray]:
    """The aligned photographs (178 × 218) cropped to their central square and resized, some at a time."""
    for split in splits:
        for start in range(0, len(split), DECODED_AT_ONCE):
            rows = range(start, min(start + DECODED_AT_ONCE, len(split)))
            photographs = torch.stack([torch.from_numpy(np.array(split[row][0])) for row in rows]).permute(0, 3, 1, 2)
            square = photographs[:, :, 20:198, :].float()  # (n, 3, 178, 178)
            yield resize(square, size).round_().clamp_(0, 255).to(torch.uint8).numpy()


def _download(name: str, downloads: Path, **part: Any) -> Any:
    source = SOURCES[name]
    try:
        from torchvision import datasets
    except ImportError:
        raise UserError(f"data {name}: needs the package torchvision. Run: pip install torchvision") from None
    kind: Callable[..., Any] = getattr(datasets, source.kind)
    try:
        with _timeout(TIMEOUT):
            return kind(root=downloads, download=True, **part)
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"data {name}: the download failed ({reason}).\n"
            f"Put {source.files} into {downloads} by hand, or use mnist5k (no network needed) or folder:PATH with your own pictures."
        ) from error


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Connections opened inside give up after `seconds` of silence, instead of never."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

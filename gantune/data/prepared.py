"""Prepared pictures in the cache: one tensor file that holds both splits, the labels and the hash of the content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gantune.data.cache import cached
from gantune.data.dataset import Dataset, content_hash
from gantune.data.tensorfile import Array, create

Splits = tuple[Tensor, Tensor, Tensor | None, Tensor | None]  # train, heldout uint8 (N, C, H, W); their labels (N,) int64


def dataset_from_splits(name: str, path: Path, make: Callable[[], Splits], about: Mapping[str, str]) -> Dataset:
    """The data set kept at `path`, made by `make` where it is not there yet."""

    def build(path: Path) -> None:
        train, heldout, labels, heldout_labels = make()
        y = None if labels is None or heldout_labels is None else torch.cat([labels, heldout_labels]).numpy()
        write_pictures(
            path, len(train) + len(heldout), tuple(train.shape[1:]), (part.numpy() for part in (train, heldout)), about, len(heldout), y
        )

    return opened(name, path, build, about)


def write_pictures(
    path: Path,
    count: int,
    shape: tuple[int, ...],
    parts: Iterable[Array],
    about: Mapping[str, str],
    n_heldout: int,
    labels: Array | None = None,
    label_names: Sequence[str] = (),
) -> None:
    """Write `count` pictures of `shape`, which come in `parts` (n, C, H, W), the held-out ones last.

    `labels` are classes (count,) int64 or attributes (count, A) uint8; `label_names` are theirs.
    """
    shapes: dict[str, tuple[type, tuple[int, ...]]] = {
        "images": (np.uint8, (count, *shape)),
        "sha256": (np.uint8, (32,)),
        "n_heldout": (np.int64, (1,)),
    }
    if labels is not None:
        shapes["labels"] = (labels.dtype.type, labels.shape)
    names = np.frombuffer(json.dumps(list(label_names)).encode(), np.uint8)
    if label_names:
        shapes["label_names"] = (np.uint8, names.shape)
    with create(path, shapes, about) as arrays:
        start = 0
        for part in parts:
            arrays["images"][start : start + len(part)] = part
            start += len(part)
        assert start == count, f"{count} pictures announced, {start} came"
        arrays["n_heldout"][0] = n_heldout
        if labels is not None:
            arrays["labels"][...] = labels
        if label_names:
            arrays["label_names"][...] = names
        arrays["sha256"][...] = np.frombuffer(bytes.fromhex(content_hash(arrays["images"])), np.uint8)


def opened(name: str, path: Path, build: Callable[[Path], None], about: Mapping[str, str]) -> Dataset:
    """The data set kept at `path`, which `build(path)` writes where it is missing; the pictures stay a memory map."""
    arrays, _ = cached(path, build, about)
    images = torch.from_numpy(arrays["images"])
    train, heldout = _split(images, int(arrays["n_heldout"][0]))
    labels = heldout_labels = None
    if "labels" in arrays:
        labels, heldout_labels = _split(torch.from_numpy(arrays["labels"]), len(heldout))
    names = tuple(json.loads(arrays["label_names"].tobytes())) if "label_names" in arrays else ()
    sha256 = arrays["sha256"].tobytes().hex()
    return Dataset(name, tuple(images.shape[1:]), train, heldout, sha256, labels, heldout_labels, label_names=names)


def _split(values: Tensor, n_heldout: int) -> tuple[Tensor, Tensor]:
    return values[: len(values) - n_heldout], values[len(values) - n_heldout :]

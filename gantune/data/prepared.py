"""Prepared pictures in the cache: one tensor file that holds both splits, the labels, the other domain, and the hash of the content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gantune.data.cache import cached
from gantune.data.dataset import Dataset, content_hash
from gantune.data.tensorfile import Array, create

Splits = tuple[Tensor, Tensor, Tensor | None, Tensor | None]  # train, heldout uint8 (N, C, H, W); their labels (N,) int64


@dataclass(frozen=True)
class Other:
    """`count` pictures of the other domain, which come in `parts` (n, C', H', W'), the held-out ones last."""

    count: int
    shape: tuple[int, ...]
    parts: Iterable[Array]
    n_heldout: int

    @classmethod
    def of(cls, train: Tensor, heldout: Tensor) -> Other:
        """From both splits as tensors."""
        return cls(len(train) + len(heldout), tuple(train.shape[1:]), (train.numpy(), heldout.numpy()), len(heldout))


def dataset_from_splits(name: str, path: Path, make: Callable[[], Splits], about: Mapping[str, str]) -> Dataset:
    """The data set kept at `path`, made by `make` where it is not there yet."""

    def build(path: Path) -> None:
        write_splits(path, make(), about)

    return opened(name, path, build, about)


def write_splits(path: Path, splits: Splits, about: Mapping[str, str], other: Other | None = None) -> None:
    """Write pictures that lie in memory."""
    train, heldout, labels, heldout_labels = splits
    y = None if labels is None or heldout_labels is None else torch.cat([labels, heldout_labels]).numpy()
    count, parts = len(train) + len(heldout), (train.numpy(), heldout.numpy())
    write_pictures(path, count, tuple(train.shape[1:]), parts, about, len(heldout), y, other=other)


def write_pictures(
    path: Path,
    count: int,
    shape: tuple[int, ...],
    parts: Iterable[Array],
    about: Mapping[str, str],
    n_heldout: int,
    labels: Array | None = None,
    label_names: Sequence[str] = (),
    other: Other | None = None,
) -> None:
    """Write `count` pictures of `shape`, which come in `parts` (n, C, H, W), the held-out ones last, and those of the `other` domain.

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
    if other is not None:
        shapes |= {"source": (np.uint8, (other.count, *other.shape)), "n_heldout_source": (np.int64, (1,))}
    with create(path, shapes, about) as arrays:
        _fill(arrays["images"], parts)
        arrays["n_heldout"][0] = n_heldout
        if labels is not None:
            arrays["labels"][...] = labels
        if label_names:
            arrays["label_names"][...] = names
        hashed = [arrays["images"]]
        if other is not None:
            _fill(arrays["source"], other.parts)
            arrays["n_heldout_source"][0] = other.n_heldout
            hashed.append(arrays["source"])
        arrays["sha256"][...] = np.frombuffer(bytes.fromhex(content_hash(*hashed)), np.uint8)


def opened(name: str, path: Path, build: Callable[[Path], None], about: Mapping[str, str], paired: bool = False) -> Dataset:
    """The data set kept at `path`, which `build(path)` writes where it is missing; the pictures stay a memory map.

    `paired`: those of the other domain, where there is one, belong to the examples row by row.
    """
    arrays, _ = cached(path, build, about)
    images = torch.from_numpy(arrays["images"])
    train, heldout = _split(images, int(arrays["n_heldout"][0]))
    labels = heldout_labels = None
    if "labels" in arrays:
        labels, heldout_labels = _split(torch.from_numpy(arrays["labels"]), len(heldout))
    names = tuple(json.loads(arrays["label_names"].tobytes())) if "label_names" in arrays else ()
    sha256 = arrays["sha256"].tobytes().hex()
    dataset = Dataset(name, tuple(images.shape[1:]), train, heldout, sha256, labels, heldout_labels, label_names=names)
    if "source" not in arrays:
        return dataset
    source, heldout_source = _split(torch.from_numpy(arrays["source"]), int(arrays["n_heldout_source"][0]))
    return replace(dataset, source=source, heldout_source=heldout_source, paired=paired)


def _fill(array: Array, parts: Iterable[Array]) -> None:
    start = 0
    for part in parts:
        array[start : start + len(part)] = part
        start += len(part)
    assert start == len(array), f"{len(array)} pictures announced, {start} came"


def _split(values: Tensor, n_heldout: int) -> tuple[Tensor, Tensor]:
    return values[: len(values) - n_heldout], values[len(values) - n_heldout :]

"""A data set: its two splits as tensors, and what identifies its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

HASHED_AT_ONCE = 1 << 26  # bytes


@dataclass(frozen=True)
class Form:
    """What networks must know of the data to fit it."""

    shape: tuple[int, ...]  # of one example: (C, H, W), (2,) for points, (M, F) for M documents of F features
    classes: int = 0  # labels are 0 ... classes - 1; 0 is without
    attributes: int = 0  # yes-or-no attributes of each example; 0 is without
    source: tuple[int, ...] | None = None  # of one picture of the other domain, (C', H', W')
    paired: bool = False  # whether each example has its own partner there
    names: tuple[str, ...] = ()  # of the classes, or of the attributes, where they have any

    @property
    def is_image(self) -> bool:
        """Whether examples are pictures."""
        return len(self.shape) == 3

    @property
    def is_queries(self) -> bool:
        """Whether an example is a query with its documents."""
        return len(self.shape) == 2


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples as stored: `train` and `heldout` uint8 (N, C, H, W), float32 (N, 2) for 2-D points, (N, M, F) for documents.

    Image tensors may be memory maps of the cache file: fit for indexing, not for changing. `fingerprint` is the hash of the
    content of both splits, labels aside, but for the relevance of documents. `modes` (M, 2) and `mode_std` describe a mixture.
    `source` and `heldout_source` are the pictures of the other domain, row by row the partners of `train` and `heldout` where
    `paired`, else in an order of their own.
    """

    name: str
    shape: tuple[int, ...]  # (C, H, W), (2,) or (M, F)
    train: Tensor
    heldout: Tensor
    fingerprint: str
    labels: Tensor | None = None  # (N,) int64 classes, (N, A) uint8 attributes, or (N, M) relevance of documents
    heldout_labels: Tensor | None = None
    modes: Tensor | None = None
    mode_std: float | None = None
    source: Tensor | None = None  # uint8 (N', C', H', W')
    heldout_source: Tensor | None = None
    paired: bool = False
    label_names: tuple[str, ...] = ()  # of the classes, or of the attributes, where they have names

    @cached_property
    def form(self) -> Form:
        """What networks must know of it."""
        labels, other = self.labels, None if self.source is None else tuple(self.source.shape[1:])
        if labels is None or len(self.shape) == 2:
            return Form(self.shape, source=other, paired=self.paired)
        if labels.ndim == 2:
            return Form(self.shape, attributes=labels.shape[1], source=other, paired=self.paired, names=self.label_names)
        classes = len(self.label_names) or int(labels.max()) + 1
        return Form(self.shape, classes=classes, source=other, paired=self.paired, names=self.label_names)


def to_unit(x: Tensor) -> Tensor:
    """Stored examples as networks see them: uint8 images become float32 in [-1, 1], points pass through."""
    return x.float().div_(127.5).sub_(1) if x.dtype == torch.uint8 else x


def to_bytes(x: Tensor) -> Tensor:
    """Images in [-1, 1] as uint8, rounded as a saved picture is: the way back from `to_unit`."""
    return x.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def content_hash(*arrays: npt.NDArray[Any]) -> str:
    """SHA-256 over shapes and content, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        for start in range(0, flat.size, HASHED_AT_ONCE):
            digest.update(flat[start : start + HASHED_AT_ONCE].data)
    return digest.hexdigest()

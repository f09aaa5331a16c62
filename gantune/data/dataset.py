"""A data set: its two splits as tensors, and what identifies its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

HASHED_AT_ONCE = 1 << 26  # bytes


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples as stored: `train` and `heldout` uint8 (N, C, H, W), or float32 (N, 2) for 2-D points.

    Image tensors may be memory maps of the cache file: fit for indexing, not for changing. `fingerprint` is the hash of the
    content of both splits, labels aside. `modes` (M, 2) and `mode_std` describe a mixture.
    """

    name: str
    shape: tuple[int, ...]  # (C, H, W) or (2,)
    train: Tensor
    heldout: Tensor
    fingerprint: str
    labels: Tensor | None = None  # (N,) int64
    heldout_labels: Tensor | None = None
    modes: Tensor | None = None
    mode_std: float | None = None


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

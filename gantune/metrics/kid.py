"""Kernel distance: unbiased MMD² with the kernel (xᵀy/d + 1)³ (KID: Bińkowski et al. 2018, arXiv:1801.01401)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def kid(one: Tensor, other: Tensor, *, subsets: int, subset_size: int, seed: int) -> tuple[float, float]:
    """Mean and standard deviation of MMD² over random subsets of the features `one` (n, d) and `other` (m, d).

    The subsets are those of torch-fidelity for the same seed. `subset_size` is at most n and m, and at least 2.
    """
    assert 2 <= subset_size <= min(len(one), len(other)), f"subsets of {subset_size} of {len(one)} and {len(other)}"
    source = np.random.RandomState(seed)
    one, other = one.double(), other.double()
    values = torch.stack([
        mmd2(one[_choice(source, one, subset_size)], other[_choice(source, other, subset_size)]) for _ in range(subsets)
    ])  # fmt: skip
    return float(values.mean()), float(values.std(correction=0))


def mmd2(x: Tensor, y: Tensor) -> Tensor:
    """Unbiased MMD² between x (n, d) and y (n, d): the diagonals of the within-side kernels are left out."""
    n = len(x)
    within = _kernel(x, x), _kernel(y, y)
    same = sum(kernel.sum() - kernel.trace() for kernel in within) / (n * (n - 1))
    return same - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _choice(source: np.random.RandomState, features: Tensor, size: int) -> Tensor:
    return torch.from_numpy(source.choice(len(features), size, replace=False)).to(features.device)

"""2-D Gaussian mixtures whose modes are known, so that a dropped one can be counted.

Both lie in [-1, 1]². ring8: 8 modes on a circle of radius 0.8. grid25: 5 × 5 modes at -0.8, -0.4, 0, 0.4, 0.8. All modes have standard
deviation 0.02 and the same weight: rings in the literature are narrower (radius 1, 0.01), which a minute of training on a CPU misses.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gantune.data.dataset import Dataset, content_hash

STD = 0.02
TRAIN, HELDOUT = 20_000, 5_000


def ring8() -> Dataset:
    """Eight modes on a circle."""
    angles = np.arange(8) * (np.pi / 4)
    return _mixture("ring8", (0.8 * np.stack([np.cos(angles), np.sin(angles)], axis=1)).round(12), seed=8)


def grid25() -> Dataset:
    """Twenty-five modes on a square grid."""
    steps = np.linspace(-0.8, 0.8, 5)
    return _mixture("grid25", np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), seed=25)


def _mixture(name: str, modes: np.ndarray, seed: int) -> Dataset:
    source = np.random.RandomState(seed)  # the legacy generator: its stream never changes between numpy versions
    which = source.randint(len(modes), size=TRAIN + HELDOUT)
    points = (modes[which] + STD * source.standard_normal((TRAIN + HELDOUT, 2))).astype(np.float32)

    def split(values: np.ndarray) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(values[:TRAIN].copy()), torch.from_numpy(values[TRAIN:].copy())

    train, heldout = split(points)
    labels, heldout_labels = split(which.astype(np.int64))
    centres = torch.from_numpy(modes.astype(np.float32))
    return Dataset(name, (2,), train, heldout, content_hash(points), labels, heldout_labels, centres, STD)

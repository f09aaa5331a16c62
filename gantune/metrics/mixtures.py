"""What a generator of 2-D points does with the modes of a known mixture."""

from __future__ import annotations

import torch
from torch import Tensor

STDS = 3.0  # a sample is of high quality within so many standard deviations of a mode


def mode_metrics(points: Tensor, modes: Tensor, std: float) -> dict[str, float]:
    """`modes`: how many have a high-quality sample; `hq_share`: the share of high-quality samples. points (n, 2), modes (M, 2)."""
    distance, nearest = torch.cdist(points.double(), modes.double()).min(1)
    good = distance <= STDS * std
    return {"modes": float(torch.bincount(nearest[good], minlength=len(modes)).count_nonzero()), "hq_share": float(good.double().mean())}


def mode_features(points: Tensor, modes: Tensor, std: float) -> Tensor:
    """The points and a bump around each mode, (n, 2 + M): a classifier on [x, x²] of these sees whether points lie in the modes."""
    squares = torch.cdist(points.double(), modes.double()).square()
    return torch.cat([points.double(), (-squares / (2 * (STDS * std) ** 2)).exp()], 1)

"""Pictures brought to one size: enlarged by a black border, or resized with antialiasing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

RESIZED_AT_ONCE = 1024


def fit(images: Tensor, size: int) -> Tensor:
    """Square uint8 `images` (N, C, H, H) as uint8 (N, C, size, size).

    28 → 32 gets a black border of two pixels, as is usual for MNIST; anything else is resized (bilinear, antialiased).
    """
    side = images.shape[-1]
    if side == size:
        return images
    if (side, size) == (28, 32):
        return F.pad(images, (2, 2, 2, 2))
    return torch.cat([resize(part.float(), size).round_().clamp_(0, 255).to(torch.uint8) for part in torch.split(images, RESIZED_AT_ONCE)])


def with_channels(images: Tensor, channels: int) -> Tensor:
    """Images (N, C, H, W) with so many channels: colour becomes its mean, grey is repeated. One of the two is 1, or both are equal."""
    if images.shape[1] == channels:
        return images
    assert 1 in (images.shape[1], channels), "only grey and colour have a way between them"
    return images.mean(1, keepdim=True) if channels == 1 else images.expand(-1, channels, -1, -1)


def resize(images: Tensor, size: int) -> Tensor:
    """Float `images` (N, C, H, W) as (N, C, size, size)."""
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=True)

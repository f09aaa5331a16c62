"""PatchGAN: a discriminator that judges every patch of a picture on its own (Isola et al. 2016, arXiv:1611.07004, section 3.2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantune.errors import UserError
from gantune.nets.init import conv_init
from gantune.nets.norms import norm

WIDEST = 8  # times `features`


class PatchDiscriminator(nn.Module):
    """Picture (N, C, H, H), with `beside` (N, C', H, H) as further channels where it was built for them → logits (N, 1, h, h).

    `layers` halvings, then two convolutions at stride 1: a logit sees 16 × 16 pixels for 1, 34 × 34 for 2, 70 × 70 for 3.
    """

    def __init__(self, channels: int, size: int, features: int, layers: int, d_norm: str) -> None:
        super().__init__()
        check_patches(size, layers)
        width, bias = features, d_norm == "none"
        stack: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for step in range(1, layers + 1):
            wider, stride = features * min(WIDEST, 1 << step), 2 if step < layers else 1
            stack += [nn.Conv2d(width, wider, 4, stride, 1, bias=bias), *norm(d_norm, wider), nn.LeakyReLU(0.2, inplace=True)]
            width = wider
        self.net = nn.Sequential(*stack, nn.Conv2d(width, 1, 4, 1, 1))
        self.apply(conv_init(d_norm))

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        logits: Tensor = self.net(x if beside is None else torch.cat([x, beside], 1))
        return logits


def check_patches(size: int, layers: int) -> None:
    """`UserError` where pictures of `size` leave a patch discriminator of so many halvings no logit."""
    smallest = 3 << layers
    if size < smallest:
        fitting = max((fewer for fewer in range(1, layers) if size >= 3 << fewer), default=None)
        fix = f"Set patch_layers={fitting} or image_size={smallest} or more." if fitting else f"Set image_size={smallest} or more."
        raise UserError(f"a patch discriminator with patch_layers={layers} takes pictures of {smallest} pixels or more, got {size}. {fix}")

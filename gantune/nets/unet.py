"""U-Net (Ronneberger et al. 2015, arXiv:1505.04597) as pix2pix's generator (Isola et al. 2016, arXiv:1611.07004, appendix 6.1.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantune.errors import UserError
from gantune.nets.init import conv_init
from gantune.nets.norms import norm

SMALLEST = 16
WIDEST = 8  # times `features`
DROPPED = 8  # maps up to 8 × 8 are made with dropout: the first three of the way up, at any size of picture


def halvings(size: int) -> int:
    """How often pictures of `size` are halved to reach 1 × 1. `UserError` where that is no whole number."""
    if size < SMALLEST or size & (size - 1):
        raise UserError(f"a U-Net takes square pictures of 16, 32, 64, 128 ... pixels, got {size} x {size}. Set image_size.")
    return size.bit_length() - 1


class UNet(nn.Module):
    """Picture (N, C, H, H) → picture (N, C', H, H) in (-1, 1): down to 1 × 1 and up again, each map on the way up beside its equal
    from the way down."""

    def __init__(self, inputs: int, outputs: int, size: int, features: int, g_norm: str, dropout: float) -> None:
        super().__init__()
        count = halvings(size)
        widths = [features * min(WIDEST, 1 << step) for step in range(count)]
        self.downs = nn.ModuleList()
        for step, width in enumerate(widths):
            plain = step in (0, count - 1)  # the picture has no normalisation, and a single place would be normalised to nothing
            before: list[nn.Module] = [] if step == 0 else [nn.LeakyReLU(0.2)]
            conv = nn.Conv2d(inputs if step == 0 else widths[step - 1], width, 4, 2, 1, bias=plain or g_norm == "none")
            self.downs.append(nn.Sequential(*before, conv, *([] if plain else norm(g_norm, width))))
        self.ups = nn.ModuleList()
        for step in range(count - 1, 0, -1):
            width, side = widths[step - 1], size >> step
            inner = widths[step] if step == count - 1 else 2 * widths[step]
            conv_up = nn.ConvTranspose2d(inner, width, 4, 2, 1, bias=g_norm == "none")
            drop = [nn.Dropout(dropout)] if dropout > 0 and side <= DROPPED else []
            self.ups.append(nn.Sequential(nn.ReLU(), conv_up, *norm(g_norm, width), *drop))
        self.out = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], outputs, 4, 2, 1), nn.Tanh())
        self.apply(conv_init(g_norm))

    def forward(self, x: Tensor) -> Tensor:
        maps: list[Tensor] = []
        for down in self.downs:
            x = down(x)
            maps.append(x)
        for up, beside in zip(self.ups, reversed(maps[:-1]), strict=True):
            x = torch.cat([up(x), beside], 1)
        made: Tensor = self.out(x)
        return made

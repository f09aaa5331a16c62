"""Residual players for square images (Miyato et al. 2018, arXiv:1802.05957, appendix B.4; Gulrajani et al. 2017, arXiv:1704.00028)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from gantune.nets.dcgan import doublings
from gantune.nets.norms import norm


class UpBlock(nn.Module):
    """(N, C, H, H) → (N, C, 2H, 2H) by two convolutions beside a nearest-neighbour shortcut."""

    def __init__(self, width: int, g_norm: str) -> None:
        super().__init__()
        self.before = nn.Sequential(*norm(g_norm, width), nn.ReLU())
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.then = nn.Sequential(*norm(g_norm, width), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1))
        self.shortcut = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.then(self.first(F.interpolate(self.before(x), scale_factor=2)))
        return out + F.interpolate(self.shortcut(x), scale_factor=2)


class DownBlock(nn.Module):
    """(N, C, H, H) → (N, width, H/2, H/2) by two convolutions and a mean over 2 × 2, beside a shortcut.

    The first block starts without normalisation and ReLU: its input is the image.
    """

    def __init__(self, inputs: int, width: int, d_norm: str, first: bool) -> None:
        super().__init__()
        start: list[nn.Module] = [] if first else [*norm(d_norm, inputs), nn.ReLU()]
        self.body = nn.Sequential(
            *start,
            nn.Conv2d(inputs, width, 3, padding=1),
            *norm(d_norm, width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.AvgPool2d(2),
        )
        self.shortcut = nn.Conv2d(inputs, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x) + self.shortcut(F.avg_pool2d(x, 2))
        return out


class ResNetGenerator(nn.Module):
    """z (N, latent_dim) → image (N, C, H, H) in (-1, 1), or of any size where it is not `bounded`; every map has 4 · features channels."""

    def __init__(self, latent_dim: int, features: int, shape: tuple[int, ...], g_norm: str = "batch", bounded: bool = True) -> None:
        super().__init__()
        self.width = width = 4 * features
        self.project = nn.Linear(latent_dim, width * 16)
        blocks = [UpBlock(width, g_norm) for _ in range(doublings(shape))]
        end = [*norm(g_norm, width), nn.ReLU(inplace=True), nn.Conv2d(width, shape[0], 3, padding=1), *([nn.Tanh()] if bounded else [])]
        self.net = nn.Sequential(*blocks, *end)
        self.apply(xavier_init)

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.net(self.project(z).view(len(z), self.width, 4, 4))
        return out


class ResNetTrunk(nn.Module):
    """Image (N, C, H, H) → map (N, `width`, 4, 4) with 2 · features channels."""

    def __init__(self, features: int, shape: tuple[int, ...], d_norm: str = "none") -> None:
        super().__init__()
        self.width = width = 2 * features
        count = doublings(shape)
        blocks = [DownBlock(shape[0] if number == 0 else width, width, d_norm, number == 0) for number in range(count)]
        self.net = nn.Sequential(*blocks, nn.ReLU())
        self.apply(xavier_init)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class ResNetDiscriminator(nn.Module):
    """Image (N, C, H, H) → logit (N,): the last map summed over its places, then a linear layer."""

    def __init__(self, features: int, shape: tuple[int, ...], d_norm: str = "none", dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = ResNetTrunk(features, shape, d_norm)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.trunk.width, 1)
        self.head.apply(xavier_init)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.dropout(self.trunk(x)).sum((2, 3)))
        return out.squeeze(1)


def xavier_init(module: nn.Module) -> None:
    """Weights uniform by fan in and fan out (Glorot & Bengio 2010), biases 0; for `Module.apply`."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

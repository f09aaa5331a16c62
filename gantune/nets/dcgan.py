"""Convolutional players of DCGAN (Radford et al. 2015, arXiv:1511.06434) for square images of 16, 32, 64, ... pixels."""

from __future__ import annotations

from torch import Tensor, nn

from gantune.errors import UserError
from gantune.nets.init import conv_init
from gantune.nets.norms import norm


def doublings(shape: tuple[int, ...]) -> int:
    """How often a 4 × 4 map is doubled to reach images of `shape` (C, H, W). `UserError` where that is no whole number."""
    size = shape[-1]
    count = size.bit_length() - 3
    if len(shape) != 3 or shape[1] != size or size < 16 or size != 4 << count:
        given = f"{shape[1]} x {shape[2]}" if len(shape) == 3 else f"points of dimension {shape[0]}"
        raise UserError(
            f"convolutional networks take square images of 16, 32, 64, 128 ... pixels, got {given}. "
            "Set image_size, or net=mlp where the family has it."
        )
    return count


class DCGANGenerator(nn.Module):
    """z (N, latent_dim) → image (N, C, H, H) in (-1, 1), or of any size where it is not `bounded`.

    The projection to 4 × 4 is a linear layer: the same map as a 4 × 4 transposed convolution of a 1 × 1 input.
    """

    def __init__(self, latent_dim: int, features: int, shape: tuple[int, ...], g_norm: str = "batch", bounded: bool = True) -> None:
        super().__init__()
        count = doublings(shape)
        width = features << (count - 1)
        self.width = width
        bias = g_norm == "none"
        self.project = nn.Linear(latent_dim, width * 16, bias=False)
        stack: list[nn.Module] = [*norm(g_norm, width), nn.ReLU(inplace=True)]
        for _ in range(count - 1):
            stack += [nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=bias), *norm(g_norm, width // 2), nn.ReLU(inplace=True)]
            width //= 2
        stack += [nn.ConvTranspose2d(width, shape[0], 4, 2, 1, bias=bias), *([nn.Tanh()] if bounded else [])]
        self.net = nn.Sequential(*stack)
        self.apply(conv_init(g_norm))

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.net(self.project(z).view(len(z), self.width, 4, 4))
        return out


class DCGANTrunk(nn.Module):
    """Image (N, C, H, H) → map (N, `width`, 4, 4); normalised after all layers but the first, LeakyReLU 0.2."""

    def __init__(self, features: int, shape: tuple[int, ...], d_norm: str = "batch") -> None:
        super().__init__()
        width, bias = features, d_norm == "none"
        stack: list[nn.Module] = [nn.Conv2d(shape[0], width, 4, 2, 1, bias=bias), nn.LeakyReLU(0.2, inplace=True)]
        for _ in range(doublings(shape) - 1):
            stack += [nn.Conv2d(width, width * 2, 4, 2, 1, bias=bias), *norm(d_norm, width * 2), nn.LeakyReLU(0.2, inplace=True)]
            width *= 2
        self.width = width
        self.net = nn.Sequential(*stack)
        self.apply(conv_init(d_norm))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class DCGANDiscriminator(nn.Module):
    """Image (N, C, H, H) → logit (N,)."""

    def __init__(self, features: int, shape: tuple[int, ...], d_norm: str = "batch", dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = DCGANTrunk(features, shape, d_norm)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(self.trunk.width, 1, 4, bias=d_norm == "none")
        self.head.apply(conv_init(d_norm))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.dropout(self.trunk(x)))
        return out.flatten()

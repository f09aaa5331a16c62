"""DiscoGAN's players (Kim et al. 2017, arXiv:1703.05192, section 3.4): DCGAN's two nets back to back, and a D that shows its maps."""

from __future__ import annotations

from torch import Tensor, nn

from gantune.nets.dcgan import DCGANTrunk, doublings
from gantune.nets.init import conv_init
from gantune.nets.norms import norm


class Hourglass(nn.Module):
    """Picture (N, C, H, H) → picture (N, C', H, H) in (-1, 1): down to 4 × 4 and up again, with nothing beside it."""

    def __init__(self, inputs: int, outputs: int, size: int, features: int, g_norm: str) -> None:
        super().__init__()
        down = DCGANTrunk(features, (inputs, size, size), g_norm)
        width, bias = down.width, g_norm == "none"
        up: list[nn.Module] = []
        for _ in range(doublings((outputs, size, size)) - 1):
            up += [nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=bias), *norm(g_norm, width // 2), nn.ReLU(inplace=True)]
            width //= 2
        self.net = nn.Sequential(down, *up, nn.ConvTranspose2d(width, outputs, 4, 2, 1, bias=bias), nn.Tanh())
        self.apply(conv_init(g_norm))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class OpenDiscriminator(nn.Module):
    """Picture (N, C, H, H) → logits (N,), and the maps after every layer but the first and the last, from the widest on."""

    def __init__(self, channels: int, size: int, features: int, d_norm: str) -> None:
        super().__init__()
        self.trunk = DCGANTrunk(features, (channels, size, size), d_norm)
        self.head = nn.Conv2d(self.trunk.width, 1, 4, bias=d_norm == "none")
        self.head.apply(conv_init(d_norm))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps: list[Tensor] = []
        for layer in self.trunk.net:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                maps.append(x)
        logits: Tensor = self.head(x)
        return (logits.flatten(), *maps[1:])

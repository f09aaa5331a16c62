"""CycleGAN's residual generator (Zhu et al. 2017, arXiv:1703.10593, appendix 7.2, after Johnson et al. 2016, arXiv:1603.08155)."""

from __future__ import annotations

from torch import Tensor, nn

from gantune.errors import UserError
from gantune.nets.init import conv_init, dcgan_init
from gantune.nets.norms import norm

SMALLEST = 16


class ResidualBlock(nn.Module):
    """(N, C, H, W) → (N, C, H, W): two convolutions beside the input itself."""

    def __init__(self, width: int, g_norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(*_conv(width, width, g_norm), nn.ReLU(inplace=True), *_conv(width, width, g_norm))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Translator(nn.Module):
    """Picture (N, C, H, H) → picture (N, C', H, H) in (-1, 1): two halvings, `blocks` residual blocks at a quarter of the size, and up
    again. Borders are mirrored."""

    def __init__(self, inputs: int, outputs: int, size: int, features: int, blocks: int, g_norm: str) -> None:
        super().__init__()
        if size < SMALLEST or size % 4:
            raise UserError(f"a residual translator takes pictures of 16, 20, 24, 28, 32 ... pixels, got {size}. Set image_size.")
        bias = g_norm == "none"
        stack: list[nn.Module] = [nn.Conv2d(inputs, features, 7, padding=3, padding_mode="reflect", bias=bias)]
        stack += [*norm(g_norm, features), nn.ReLU(inplace=True)]
        for width in (features, 2 * features):
            stack += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias), *norm(g_norm, 2 * width), nn.ReLU(inplace=True)]
        stack += [ResidualBlock(4 * features, g_norm) for _ in range(blocks)]
        for width in (4 * features, 2 * features):
            up = nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)
            stack += [up, *norm(g_norm, width // 2), nn.ReLU(inplace=True)]
        stack += [nn.Conv2d(features, outputs, 7, padding=3, padding_mode="reflect"), nn.Tanh()]
        self.net = nn.Sequential(*stack)
        self.apply(conv_init(g_norm))
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                module.body.apply(dcgan_init)  # small, so that a stack of blocks that nothing normalises starts near the identity

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


def _conv(inputs: int, outputs: int, g_norm: str) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect", bias=g_norm == "none")
    return [conv, *norm(g_norm, outputs)]

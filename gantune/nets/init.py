"""Initialisation of networks, for `Module.apply`."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from gantune.nets.norms import NORM_LAYERS

SLOPE = 0.2  # of the leaky rectifiers


def conv_init(norm: str) -> Callable[[nn.Module], None]:
    """DCGAN's weights where layers are normalised, He's where their scale must come from the weights themselves."""
    return dcgan_init if norm != "none" else he_init


def dcgan_init(module: nn.Module) -> None:
    """Weights N(0, 0.02), gains of norms N(1, 0.02), biases 0 (Radford et al. 2015, section 4)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, NORM_LAYERS):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def he_init(module: nn.Module) -> None:
    """Weights that keep the variance through leaky rectifiers (He et al. 2015, arXiv:1502.01852, eq. 15), biases 0."""
    if isinstance(module, nn.ConvTranspose2d):  # each output is reached by kernel / stride² of the weights that leave an input
        fan = module.in_channels * module.kernel_size[0] * module.kernel_size[1] / (module.stride[0] * module.stride[1])
        nn.init.normal_(module.weight, 0.0, (2 / ((1 + SLOPE**2) * fan)) ** 0.5)
    elif isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight, SLOPE)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)

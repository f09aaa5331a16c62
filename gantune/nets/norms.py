"""Normalisation between layers, by name."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import spectral_norm

NORMS = ("batch", "layer", "instance", "none")
NORM_LAYERS = (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d)


def norm(kind: str, channels: int) -> list[nn.Module]:
    """No layer, or one over (N, channels, H, W): over the batch, over each example, over each map of each example."""
    if kind == "batch":
        return [nn.BatchNorm2d(channels)]
    if kind == "layer":
        return [nn.GroupNorm(1, channels)]
    if kind == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    assert kind == "none", kind
    return []


def flat_norm(kind: str, features: int) -> list[nn.Module]:
    """The same over (N, features), where one example has no maps to normalise each by itself: `instance` is `layer`."""
    if kind == "batch":
        return [nn.BatchNorm1d(features)]
    return [] if kind == "none" else [nn.LayerNorm(features)]


def has_batch_norm(net: nn.Module) -> bool:
    """Whether any layer of `net` normalises over the batch."""
    return any(isinstance(module, _BatchNorm) for module in net.modules())


def spectrally_normalised(net: nn.Module) -> nn.Module:
    """`net` with every linear and convolutional weight divided by its largest singular value (Miyato et al. 2018, arXiv:1802.05957)."""
    for module in net.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            spectral_norm(module)
    return net

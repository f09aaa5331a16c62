"""The three kinds of networks that most families can be played with: mlp, dcgan, resnet."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from gantune.data.dataset import Form
from gantune.errors import UserError
from gantune.nets.dcgan import DCGANDiscriminator, DCGANGenerator, DCGANTrunk
from gantune.nets.mlp import MLPDiscriminator, MLPGenerator, MLPTrunk
from gantune.nets.norms import NORMS, spectrally_normalised
from gantune.nets.resnet import ResNetDiscriminator, ResNetGenerator, ResNetTrunk
from gantune.params import param

KINDS = ("dcgan", "resnet", "mlp")


@dataclass(frozen=True)
class StandardArch:
    """Either player as multilayer perceptron, as DCGAN's convolutions, or as residual network."""

    net: str = param("auto", "kind of both networks; auto takes dcgan for images and mlp for points", choices=("auto", *KINDS))
    g_net: str = param("same", "kind of the generator's network where it is another", choices=("same", *KINDS))
    features: int = param(64, "channels of the widest map of dcgan; resnet has 4 times as many in G, twice as many in D", low=1, high=1024)
    hidden: int = param(256, "units in each hidden layer of mlp", low=1, high=65536)
    layers: int = param(2, "hidden layers of mlp", low=1, high=32)
    latent_dim: int = param(100, "dimension of z", low=1, high=65536)
    dropout: float = param(0.0, "dropout after D's hidden layers (mlp) or before its head", low=0, high=1, open_high=True)
    g_norm: str = param("batch", "normalisation in G; perceptrons that make points have none", choices=NORMS)
    d_norm: str = param("batch", "normalisation in a convolutional D; a gradient penalty admits no batch norm", choices=NORMS)
    spectral_norm: bool = param(
        False, "divide D's weights by their largest singular values, but for an embedding of labels and InfoGAN's Q"
    )


def kind_of(net: str, form: Form) -> str:
    """The kind of network that `net` stands for on data of `form`."""
    return net if net != "auto" else "dcgan" if form.is_image else "mlp"


def make_generator(arch: StandardArch, form: Form, inputs: int | None = None, *, bounded: bool = True) -> nn.Module:
    """A generator of examples from (N, `inputs`), by default z; without `bounded` its pictures may lie outside (-1, 1).

    `UserError` where its kind does not fit the data.
    """
    kind = kind_of(arch.net if arch.g_net == "same" else arch.g_net, form)
    inputs = arch.latent_dim if inputs is None else inputs
    if kind == "mlp":
        return MLPGenerator(inputs, arch.hidden, arch.layers, form.shape, arch.g_norm if form.is_image else "none", bounded)
    return (DCGANGenerator if kind == "dcgan" else ResNetGenerator)(inputs, arch.features, form.shape, arch.g_norm, bounded)


def make_discriminator(arch: StandardArch, form: Form) -> nn.Module:
    """A discriminator (N, *shape) → (N,). `UserError` where its kind does not fit the data."""
    kind = kind_of(arch.net, form)
    if kind == "mlp":
        net: nn.Module = MLPDiscriminator(arch.hidden, arch.layers, form.shape, arch.dropout)
    else:
        net = (DCGANDiscriminator if kind == "dcgan" else ResNetDiscriminator)(arch.features, form.shape, arch.d_norm, arch.dropout)
    return spectrally_normalised(net) if arch.spectral_norm else net


def make_trunk(arch: StandardArch, form: Form) -> tuple[nn.Module, int]:
    """A discriminator without its head: (N, *shape) → (N, width), and that width."""
    kind = kind_of(arch.net, form)
    if kind == "mlp":
        trunk: nn.Module = MLPTrunk(arch.hidden, arch.layers, math.prod(form.shape), arch.dropout)
        width = arch.hidden
    else:
        maps = (DCGANTrunk if kind == "dcgan" else ResNetTrunk)(arch.features, form.shape, arch.d_norm)
        trunk, width = nn.Sequential(maps, nn.Flatten(), *([nn.Dropout(arch.dropout)] if arch.dropout > 0 else [])), maps.width * 16
    return (spectrally_normalised(trunk) if arch.spectral_norm else trunk), width


def uses_batch_norm(arch: StandardArch, form: Form) -> bool:
    """Whether D of this arch normalises over the batch."""
    return arch.d_norm == "batch" and kind_of(arch.net, form) != "mlp"


def check_independent(arch: StandardArch, form: Form, penalty: str) -> None:
    """`UserError` when D's batch norm would make the gradient at one example depend on the others."""
    if penalty != "none" and uses_batch_norm(arch, form):
        raise UserError(f"penalty {penalty} needs a discriminator without batch norm. Set d_norm=none (or layer, instance).")

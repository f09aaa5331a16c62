"""GAN, fully connected (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gantune.families.base import Draws, Players
from gantune.families.bce import AdversarialBCE
from gantune.nets.mlp import MLPDiscriminator, MLPGenerator
from gantune.params import param


@dataclass(frozen=True)
class GANArch:
    """Two multilayer perceptrons, for images and for points."""

    hidden: int = param(256, "units in each hidden layer", low=1, high=65536)
    layers: int = param(2, "hidden layers of either player", low=1, high=32)
    latent_dim: int = param(100, "dimension of z, uniform on [-1, 1]", low=1, high=65536)
    dropout: float = param(0.0, "dropout after D's hidden layers", low=0, high=1, open_high=True)


class GAN(AdversarialBCE[GANArch]):
    """The first GAN, with today's optimiser: the authors' SGD schedule with maxout is not reproduced."""

    name = "gan"
    paper = "Goodfellow et al. 2014, arXiv:1406.2661"
    Arch = GANArch
    canonical = {"lr_g": 2e-4, "lr_ratio": 1.0, "beta1": 0.5, "batch": 100, "latent_dim": 100}
    default_data = "mnist5k"

    def build(self, arch: GANArch, shape: tuple[int, ...]) -> Players:
        return Players(
            g=MLPGenerator(arch.latent_dim, arch.hidden, arch.layers, shape),
            d=MLPDiscriminator(arch.hidden, arch.layers, shape, arch.dropout),
        )

    def draw(self, arch: GANArch, n: int, generator: torch.Generator) -> Draws:
        return Draws(z=torch.rand(n, arch.latent_dim, generator=generator, device=generator.device) * 2 - 1)

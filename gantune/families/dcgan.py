"""DCGAN (Radford, Metz & Chintala 2015, arXiv:1511.06434)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gantune.families.base import Draws, Players
from gantune.families.bce import AdversarialBCE
from gantune.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from gantune.params import param


@dataclass(frozen=True)
class DCGANArch:
    """Strided convolutions, no pooling, batch norm but at G's output and D's input."""

    features: int = param(64, "channels of the widest map (ngf = ndf); each halving of its side doubles them", low=1, high=1024)
    latent_dim: int = param(100, "dimension of z, standard normal", low=1, high=65536)


class DCGAN(AdversarialBCE[DCGANArch]):
    """The convolutional GAN with the settings of the PyTorch example."""

    name = "dcgan"
    paper = "Radford, Metz & Chintala 2015, arXiv:1511.06434"
    Arch = DCGANArch
    canonical = {"lr_g": 2e-4, "lr_ratio": 1.0, "k": 1, "beta1": 0.5, "batch": 64, "features": 64, "latent_dim": 100}
    default_data = "mnist5k"

    def build(self, arch: DCGANArch, shape: tuple[int, ...]) -> Players:
        return Players(g=DCGANGenerator(arch.latent_dim, arch.features, shape), d=DCGANDiscriminator(arch.features, shape))

    def draw(self, arch: DCGANArch, n: int, generator: torch.Generator) -> Draws:
        return Draws(z=torch.randn(n, arch.latent_dim, generator=generator, device=generator.device))

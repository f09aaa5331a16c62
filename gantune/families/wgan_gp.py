"""WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Memo, Players
from gantune.losses import wasserstein_d, wasserstein_g
from gantune.nets.dcgan import DCGANDiscriminator, DCGANGenerator
from gantune.nets.mlp import MLPDiscriminator, MLPGenerator
from gantune.params import param
from gantune.penalties import wgan_gp_penalty


@dataclass(frozen=True)
class WGANGPArch:
    """DCGAN's networks for images, multilayer perceptrons for points; never batch norm in the critic (section 4)."""

    net: str = param("auto", "kind of networks; auto takes dcgan for images and mlp for points", choices=("auto", "dcgan", "mlp"))
    features: int = param(64, "channels of the widest map of net dcgan", low=1, high=1024)
    hidden: int = param(256, "units in each hidden layer of net mlp", low=1, high=65536)
    layers: int = param(3, "hidden layers of net mlp", low=1, high=32)
    latent_dim: int = param(128, "dimension of z, standard normal", low=1, high=65536)


@dataclass(frozen=True)
class WGANGPHparams:
    """The penalty's weight."""

    gp_weight: float = param(10.0, "weight of the gradient penalty (the paper's lambda)", low=0, high=1e6)


class WGANGP(Family[WGANGPArch, WGANGPHparams]):
    """A critic held near 1-Lipschitz by a penalty; five critic steps for each generator step."""

    name = "wgan_gp"
    paper = "Gulrajani et al. 2017, arXiv:1704.00028"
    Arch = WGANGPArch
    Hparams = WGANGPHparams
    # igul222/improved_wgan_training, MNIST and CIFAR-10 convolutional settings
    canonical = {"lr_g": 1e-4, "lr_ratio": 1.0, "k": 5, "beta1": 0.5, "beta2": 0.9, "batch": 64, "gp_weight": 10.0, "latent_dim": 128}
    default_data = "mnist5k"
    decision = None

    def build(self, arch: WGANGPArch, shape: tuple[int, ...]) -> Players:
        if arch.net == "mlp" or (arch.net == "auto" and len(shape) == 1):
            return Players(
                g=MLPGenerator(arch.latent_dim, arch.hidden, arch.layers, shape), d=MLPDiscriminator(arch.hidden, arch.layers, shape)
            )
        return Players(
            g=DCGANGenerator(arch.latent_dim, arch.features, shape), d=DCGANDiscriminator(arch.features, shape, batch_norm=False)
        )

    def draw(self, arch: WGANGPArch, n: int, generator: torch.Generator) -> Draws:
        z = torch.randn(n, arch.latent_dim, generator=generator, device=generator.device)
        return Draws(z=z, eps=torch.rand(n, 1, generator=generator, device=generator.device))

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: WGANGPHparams, memo: Memo) -> tuple[Tensor, Aux]:
        assert draws.eps is not None
        generated = g(draws.z)  # shaped like batch.x
        real, fake = d(torch.cat([batch.x, generated])).chunk(2)
        critic = wasserstein_d(real, fake)  # eq. 3, first two terms
        eps = draws.eps.view(-1, *[1] * (generated.ndim - 1))
        penalty = wgan_gp_penalty(d, batch.x, generated, eps)
        return critic + hp.gp_weight * penalty, {"d_adv": critic, "d_penalty": penalty, "d_real": real, "d_fake": fake}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: WGANGPHparams, memo: Memo) -> tuple[Tensor, Aux]:
        return wasserstein_g(d(g(draws.z))), {}

    def equilibrium(self, hp: WGANGPHparams) -> Equilibrium:
        return Equilibrium(value=0.0, scale=None)

"""BEGAN (Berthelot, Schumm & Metz 2017, arXiv:1703.10717)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Family, Form, Memo, Players
from gantune.families.standard import latent
from gantune.nets.autoencoder import Autoencoder, AutoencoderArch
from gantune.nets.standard import make_generator
from gantune.params import param


@dataclass(frozen=True)
class BEGANHparams:
    """The balance of the two players."""

    diversity: float = param(0.5, "wanted ratio of the errors of generated and real examples (the paper's gamma)", low=0, high=1)
    balance_rate: float = param(1e-3, "step of the balance k_t after each D step (the paper's lambda_k)", low=0, high=1)


class BEGAN(Family[AutoencoderArch, BEGANHparams]):
    """D is an autoencoder with the L1 error L(x), a mean over pixels in [-1, 1]; k_t keeps the two errors in proportion (section 3.4).

    With `noise` D learns to remove it. It has no equilibrium value. Its own measure of convergence is `convergence`, lower is better.
    """

    name = "began"
    paper = "Berthelot, Schumm & Metz 2017, arXiv:1703.10717"
    Arch = AutoencoderArch
    Hparams = BEGANHparams
    # carpedm20/BEGAN-tensorflow (unofficial): the rate halves every 100,000 steps, 1,600 kimg at batch 16; its floor of 2e-5 is not kept
    canonical = {
        "lr_g": 8e-5,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 16,
        "lr_decay": "halving",
        "lr_decay_kimg": 1600.0,
        "diversity": 0.5,
        "balance_rate": 1e-3,
        "g_norm": "none",
        "d_norm": "none",
        "features": 64,
        "latent_dim": 64,
    }
    default_data = "mnist5k"
    decision = None
    admits_augmentation = False  # D would have to undo what it cannot know

    def build(self, arch: AutoencoderArch, form: Form) -> Players:
        # linear, as the authors': where most pixels are -1 the L1 error would drive a tanh to where it has no gradient
        return Players(g=make_generator(arch, form), d=Autoencoder(arch, form, bounded=False))

    def draw(self, arch: AutoencoderArch, hp: BEGANHparams, form: Form, n: int, generator: torch.Generator) -> Draws:
        return Draws(z=latent("uniform", n, arch.latent_dim, generator))

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: BEGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        real, fake = reconstruction_error(d, batch.x), reconstruction_error(d, g(draws.z))
        mean_real, mean_fake = real.mean(), fake.mean()
        loss = mean_real - memo["k_t"] * mean_fake
        convergence = mean_real + (hp.diversity * mean_real - mean_fake).abs()
        return loss, {"d_adv": loss, "d_real": -real, "d_fake": -fake, "convergence": convergence}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: BEGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        return reconstruction_error(d, g(draws.z)).mean(), {}

    def memo(self, arch: AutoencoderArch, hp: BEGANHparams, form: Form) -> Memo:
        return {"k_t": torch.zeros(())}

    @torch.no_grad()
    def remember(self, memo: Memo, aux: Aux, hp: BEGANHparams, kimg: float) -> None:
        real, fake = -aux["d_real"].mean(), -aux["d_fake"].mean()
        memo["k_t"].add_(hp.balance_rate * (hp.diversity * real - fake)).clamp_(0, 1)


def reconstruction_error(d: nn.Module, x: Tensor) -> Tensor:
    """L(x) (N,): the mean absolute error over all pixels."""
    reconstruction, _ = d(x)
    error: Tensor = (reconstruction - x).abs().flatten(1).mean(1)
    return error

"""BiGAN (Donahue, Krähenbühl & Darrell 2016, arXiv:1605.09782); ALI (Dumoulin et al. 2016, arXiv:1606.00704) is the same idea."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Form, Memo, Players
from gantune.families.standard import latent
from gantune.losses import bce_d
from gantune.nets.conditional import PairDiscriminator
from gantune.nets.parts import Parts
from gantune.nets.standard import StandardArch, make_generator, make_trunk


@dataclass(frozen=True)
class BiGANHparams:
    """None of its own."""


class BiGAN(Family[StandardArch, BiGANHparams]):
    """D tells pairs (x, E(x)) from pairs (G(z), z); G and the encoder E together make them alike, and so invert each other (theorem 2)."""

    name = "bigan"
    paper = "Donahue, Krähenbühl & Darrell 2016, arXiv:1605.09782"
    Arch = StandardArch
    Hparams = BiGANHparams
    # jeffdonahue/bigan
    canonical = {
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 128,
        "weight_decay": 2.5e-5,
        "features": 64,
        "latent_dim": 50,
    }
    default_data = "mnist5k"

    def build(self, arch: StandardArch, form: Form) -> Players:
        of_g = replace(arch, d_norm=arch.g_norm, dropout=0.0, spectral_norm=False)  # E plays for G: what is said of D is not said of it
        trunk, width = make_trunk(of_g, form)
        encoder = nn.Sequential(trunk, nn.Linear(width, arch.latent_dim))
        return Players(g=Parts({"generator": make_generator(arch, form), "encoder": encoder}), d=PairDiscriminator(arch, form))

    def draw(self, arch: StandardArch, hp: BiGANHparams, form: Form, n: int, generator: torch.Generator) -> Draws:
        return Draws(z=latent("uniform", n, arch.latent_dim, generator))

    def judged(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws) -> tuple[Tensor, Tensor]:
        """D's logits (N,) on (x, E(x)) and on (G(z), z)."""
        return d(batch.x, g(batch.x, part="encoder")), d(g(draws.z), draws.z)

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: BiGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        real, fake = self.judged(g, d, batch, draws)
        loss = bce_d(real, fake)  # eq. 3, negated and halved
        return loss, {"d_adv": loss, "d_real": real, "d_fake": fake}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: BiGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        real, fake = self.judged(g, d, batch, draws)
        return bce_d(fake, real), {}  # the labels flipped, for stronger gradients (section 3.4)

    def equilibrium(self, hp: BiGANHparams) -> Equilibrium:
        return Equilibrium(value=math.log(2), scale=math.log(2))

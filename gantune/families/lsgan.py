"""Least squares GAN (Mao et al. 2016, arXiv:1611.04076)."""

from __future__ import annotations

from torch import Tensor

from gantune.families.base import Equilibrium
from gantune.families.standard import StandardGAN, StandardHparams, constant_at_equals
from gantune.losses import least_squares_d, least_squares_g


class LSGAN(StandardGAN[StandardHparams]):
    """D regresses to 1 on real and 0 on generated examples; G to 1 (eq. 9). Not the loss-sensitive GAN, which is `ls_gan`."""

    name = "lsgan"
    paper = "Mao et al. 2016, arXiv:1611.04076"
    # xudonmao/LSGAN
    canonical = {"lr_g": 1e-3, "lr_ratio": 1.0, "k": 1, "beta1": 0.5, "batch": 64, "features": 64, "latent_dim": 100}
    decision = 0.5

    def adversarial_d(self, real: Tensor, fake: Tensor, hp: StandardHparams) -> Tensor:
        return least_squares_d(real, fake)

    def adversarial_g(self, fake: Tensor, hp: StandardHparams) -> Tensor:
        return least_squares_g(fake)

    def equilibrium(self, hp: StandardHparams) -> Equilibrium | None:
        return constant_at_equals(hp, value=0.25, scale=0.25)  # an optimal D reads ¼ − ⅛ ∫ (p − q)² / (p + q), at least 0

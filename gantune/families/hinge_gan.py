"""GAN with hinge loss and spectral normalisation (Miyato et al. 2018, arXiv:1802.05957)."""

from __future__ import annotations

from torch import Tensor

from gantune.families.base import Equilibrium
from gantune.families.standard import StandardGAN, StandardHparams, constant_at_equals
from gantune.losses import hinge_d, wasserstein_g


class HingeGAN(StandardGAN[StandardHparams]):
    """D's weights are divided by their largest singular values; its loss counts only what lies within the margin (eq. 16, 17)."""

    name = "hinge_gan"
    paper = "Miyato et al. 2018, arXiv:1802.05957"
    # table 1, setting C, with the networks of appendix B
    canonical = {
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 5,
        "beta1": 0.0,
        "beta2": 0.9,
        "batch": 64,
        "d_norm": "none",
        "spectral_norm": True,
        "features": 64,
        "latent_dim": 128,
    }

    def adversarial_d(self, real: Tensor, fake: Tensor, hp: StandardHparams) -> Tensor:
        return hinge_d(real, fake)

    def adversarial_g(self, fake: Tensor, hp: StandardHparams) -> Tensor:
        return wasserstein_g(fake)

    def equilibrium(self, hp: StandardHparams) -> Equilibrium | None:
        return constant_at_equals(hp, value=2.0, scale=2.0)  # an optimal D reads 2 (1 − TV(p, q)), at least 0

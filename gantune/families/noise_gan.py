"""GAN with annealed instance noise (Arjovsky & Bottou 2017, arXiv:1701.04862, section 3)."""

from __future__ import annotations

from gantune.families.bce import BCEGAN


class NoiseGAN(BCEGAN):
    """Gaussian noise on all inputs of D, real and generated, gives the two distributions a common support; its std falls to 0.

    Sønderby et al. 2016 (arXiv:1610.04490) call it instance noise. The noise itself is the trainer's `noise` and `noise_kimg`, and
    any family may have it. While it changes, losses at different std are not comparable and the equilibrium rule is silent.
    """

    name = "noise_gan"
    paper = "Arjovsky & Bottou 2017, arXiv:1701.04862"
    canonical = {
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 64,
        "noise": 0.1,
        "noise_kimg": 100.0,
        "features": 64,
        "latent_dim": 100,
    }

"""WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028)."""

from __future__ import annotations

from gantune.families.standard import StandardHparams
from gantune.families.wasserstein import WassersteinGAN


class WGANGP(WassersteinGAN[StandardHparams]):
    """A critic held near 1-Lipschitz by a penalty; five critic steps for each generator step, no batch norm in the critic (section 4)."""

    name = "wgan_gp"
    paper = "Gulrajani et al. 2017, arXiv:1704.00028"
    # igul222/improved_wgan_training, MNIST and CIFAR-10 convolutional settings
    canonical = {
        "lr_g": 1e-4,
        "lr_ratio": 1.0,
        "k": 5,
        "beta1": 0.5,
        "beta2": 0.9,
        "batch": 64,
        "penalty": "gp",
        "penalty_weight": 10.0,
        "d_norm": "none",
        "layers": 3,
        "latent_dim": 128,
    }

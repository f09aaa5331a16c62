"""DRAGAN (Kodali et al. 2017, arXiv:1705.07215)."""

from __future__ import annotations

from gantune.families.bce import BCEGAN


class DRAGAN(BCEGAN):
    """The non-saturating GAN whose D has gradients of norm 1 around the data (section 2.3); no batch norm in D."""

    name = "dragan"
    paper = "Kodali et al. 2017, arXiv:1705.07215"
    canonical = {
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 64,
        "penalty": "dragan",
        "penalty_weight": 10.0,
        "d_norm": "none",
        "features": 64,
        "latent_dim": 100,
    }

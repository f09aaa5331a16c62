"""DCGAN (Radford, Metz & Chintala 2015, arXiv:1511.06434)."""

from __future__ import annotations

from gantune.families.bce import BCEGAN


class DCGAN(BCEGAN):
    """The convolutional GAN: no pooling, batch norm but at G's output and D's input, with the settings of the PyTorch example."""

    name = "dcgan"
    paper = "Radford, Metz & Chintala 2015, arXiv:1511.06434"
    canonical = {
        "net": "dcgan",
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 64,
        "features": 64,
        "latent_dim": 100,
    }

"""GAN, fully connected (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

from gantune.families.bce import BCEGAN


class GAN(BCEGAN):
    """The first GAN on perceptrons, with today's optimiser and, on images, batch norm in G.

    The authors' SGD schedule with maxout and dropout is not reproduced. Without batch norm G is outrun at these rates.
    """

    name = "gan"
    paper = "Goodfellow et al. 2014, arXiv:1406.2661"
    canonical = {"net": "mlp", "lr_g": 2e-4, "lr_ratio": 1.0, "k": 1, "beta1": 0.5, "batch": 100, "layers": 3, "latent_dim": 100}
    latent = "uniform"

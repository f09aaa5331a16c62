"""WGAN with weight clipping (Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from gantune.families.standard import StandardHparams
from gantune.families.wasserstein import WassersteinGAN
from gantune.params import param


@dataclass(frozen=True)
class WGANHparams(StandardHparams):
    """The box that the critic's weights live in."""

    clip: float = param(
        0.01, "every weight of the critic is clipped to [-clip, clip] after its step (the paper's c)", low=0, high=100, open_low=True
    )


class WGAN(WassersteinGAN[WGANHparams]):
    """A critic kept Lipschitz by clipping. RMSprop, since Adam's momentum destabilises a clipped critic (section 4).

    The authors' code runs 100 critic steps for each of the first 25 generator steps: `k: {0: 100, 80: 5}` at batch 64, which only
    budgets well beyond those 81 kimg can afford.
    """

    name = "wgan"
    paper = "Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875"
    Hparams = WGANHparams
    # Algorithm 1, and martinarjovsky/WassersteinGAN main.py
    canonical = {
        "optimiser": "rmsprop",
        "lr_g": 5e-5,
        "lr_ratio": 1.0,
        "k": 5,
        "batch": 64,
        "clip": 0.01,
        "features": 64,
        "latent_dim": 100,
    }

    @torch.no_grad()
    def project(self, d: nn.Module, hp: WGANHparams) -> None:
        torch._foreach_clamp_min_(list(d.parameters()), -hp.clip)
        torch._foreach_clamp_max_(list(d.parameters()), hp.clip)

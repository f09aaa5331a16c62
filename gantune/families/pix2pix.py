"""pix2pix (Isola, Zhu, Zhou & Efros 2016, arXiv:1611.07004)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Form, Memo, Players, Samples
from gantune.families.translating import GAMES, Domains, absolute_error, both, nothing
from gantune.nets.norms import NORMS
from gantune.nets.patch import PatchDiscriminator, check_patches
from gantune.nets.unet import UNet
from gantune.params import param


@dataclass(frozen=True)
class Pix2PixArch:
    """A U-Net against a patch discriminator. At the authors' batch of 1 their batch norm is instance norm (section 3.3)."""

    features: int = param(64, "channels of the widest map of either net", low=1, high=1024)
    patch_layers: int = param(3, "halvings in D, whose logits see 16, 34, 70 pixels for 1, 2, 3", low=1, high=6)
    dropout: float = param(0.5, "dropout in G's first three layers on the way up, while training", low=0, high=1, open_high=True)
    g_norm: str = param("instance", "normalisation in G", choices=NORMS)
    d_norm: str = param("instance", "normalisation in D", choices=NORMS)


@dataclass(frozen=True)
class Pix2PixHparams:
    """The game, and the weight of the distance from the true picture."""

    loss: str = param("bce", "adversarial loss of both players", choices=tuple(GAMES))
    l1_weight: float = param(100.0, "weight of the L1 distance from the true picture in G's loss (the paper's lambda)", low=0, high=1e6)


class Pix2Pix(Family[Pix2PixArch, Pix2PixHparams]):
    """Paired translation: G makes x of its source, D judges the two together, patch by patch.

    There is no z: dropout is all the noise that G gets, and it is off when sampling (evaluation mode), so that a source has one
    translation; the authors keep it on. A D step shows `batch` pairs and counts as `batch` images.
    """

    name = "pix2pix"
    paper = "Isola, Zhu, Zhou & Efros 2016, arXiv:1611.07004"
    Arch = Pix2PixArch
    Hparams = Pix2PixHparams
    # phillipi/pix2pix; section 3.3
    canonical = {
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "beta2": 0.999,
        "batch": 1,
        "loss": "bce",
        "l1_weight": 100.0,
        "features": 64,
        "patch_layers": 3,
        "dropout": 0.5,
    }
    default_data = "mnist5k_edges"
    needs = "pairs"
    admits_augmentation = False

    def build(self, arch: Pix2PixArch, form: Form) -> Players:
        these = Domains.of(form)
        g = UNet(these.a, these.b, these.size, arch.features, arch.g_norm, arch.dropout)
        return Players(g=g, d=PatchDiscriminator(these.a + these.b, these.size, arch.features, arch.patch_layers, arch.d_norm))

    def draw(self, arch: Pix2PixArch, hp: Pix2PixHparams, form: Form, n: int, generator: torch.Generator) -> Draws:
        return Draws(z=nothing(n, generator))

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: Pix2PixHparams, memo: Memo) -> tuple[Tensor, Aux]:
        source, x = both(batch)
        game = GAMES[hp.loss]
        real, fake = d(x, source), d(g(source), source)  # the picture comes first: noise on D's inputs is for it, not for the source
        loss = game.d(real, fake)  # eq. 1, halved
        return loss, {"d_adv": loss, "d_real": real - game.decision, "d_fake": fake - game.decision}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: Pix2PixHparams, memo: Memo) -> tuple[Tensor, Aux]:
        source, x = both(batch)
        made = g(source)
        adversarial, distance = GAMES[hp.loss].g(d(made, source)), absolute_error(made, x)
        return adversarial + hp.l1_weight * distance, {"g_adv": adversarial, "l1_loss": distance}  # eq. 4

    def sample(self, g: nn.Module, draws: Draws, given: Batch) -> Samples:
        source, x = both(given)
        return Samples(g(source), y=given.y, target=x, source=source)

    def check(self, arch: Pix2PixArch, hp: Pix2PixHparams, form: Form) -> None:
        check_patches(Domains.of(form).size, arch.patch_layers)

    def equilibrium(self, hp: Pix2PixHparams) -> Equilibrium | None:
        return GAMES[hp.loss].equilibrium

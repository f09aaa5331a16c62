"""EBGAN (Zhao, Mathieu & LeCun 2016, arXiv:1609.03126)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Form, Memo, Players
from gantune.families.standard import latent
from gantune.losses import pulling_away
from gantune.nets.autoencoder import Autoencoder, AutoencoderArch
from gantune.nets.standard import make_generator
from gantune.params import param


@dataclass(frozen=True)
class EBGANHparams:
    """The margin of the energies, its annealing, and the term against collapse."""

    margin: float = param(10.0, "energy above which D leaves generated examples alone (the paper's m)", low=0, high=1e4)
    margin_kimg: float = param(0.0, "kimg in which the margin falls linearly to margin_end; 0 keeps it", low=0)
    margin_end: float = param(0.0, "where it falls to", low=0, high=1e4)
    pt_weight: float = param(0.1, "weight of the pulling-away term in G's loss", low=0, high=1e4)


class EBGAN(Family[AutoencoderArch, EBGANHparams]):
    """D is an autoencoder; the energy of x is the Euclidean norm of its reconstruction error over all pixels in [-1, 1].

    D lowers the energy of the data and raises that of generated examples up to the margin (eq. 1), G lowers theirs (eq. 2) and keeps
    the codes of a batch apart (section 2.4). With `noise` D learns to remove it. The norm grows with the square root of the number of
    pixels, and the margin with it: 10 is the authors' for MNIST.
    """

    name = "ebgan"
    paper = "Zhao, Mathieu & LeCun 2016, arXiv:1609.03126"
    Arch = AutoencoderArch
    Hparams = EBGANHparams
    canonical = {
        "lr_g": 1e-3,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 64,
        "margin": 10.0,
        "pt_weight": 0.1,
        "features": 64,
        "latent_dim": 100,
    }
    default_data = "mnist5k"
    decision = None
    admits_augmentation = False  # D would have to undo what it cannot know

    def build(self, arch: AutoencoderArch, form: Form) -> Players:
        return Players(g=make_generator(arch, form), d=Autoencoder(arch, form))

    def draw(self, arch: AutoencoderArch, hp: EBGANHparams, form: Form, n: int, generator: torch.Generator) -> Draws:
        return Draws(z=latent("normal", n, arch.latent_dim, generator))

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: EBGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        (real, _), (fake, _) = energy(d, batch.x), energy(d, g(draws.z))
        loss = real.mean() + relu(memo["margin"] - fake).mean()  # eq. 1
        return loss, {"d_adv": loss, "d_real": -real, "d_fake": -fake}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: EBGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        fake, codes = energy(d, g(draws.z))
        adversarial = fake.mean()  # eq. 2
        return adversarial + hp.pt_weight * pulling_away(codes), {"g_adv": adversarial}

    def equilibrium(self, hp: EBGANHparams) -> Equilibrium | None:
        """The margin: at equal distributions both energies are one value in [0, m] (theorem 1). None while it is annealed."""
        return None if hp.margin_kimg > 0 or hp.margin == 0 else Equilibrium(value=hp.margin, scale=hp.margin)

    def memo(self, arch: AutoencoderArch, hp: EBGANHparams, form: Form) -> Memo:
        return {"margin": torch.tensor(hp.margin)}

    def remember(self, memo: Memo, aux: Aux, hp: EBGANHparams, kimg: float) -> None:
        share = min(1.0, kimg / hp.margin_kimg) if hp.margin_kimg > 0 else 0.0
        memo["margin"].fill_(hp.margin + share * (hp.margin_end - hp.margin))


def energy(d: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """‖D(x) − x‖₂ (N,) and the codes (N, code_dim)."""
    reconstruction, code = d(x)
    return (reconstruction - x).flatten(1).norm(dim=1), code

"""f-GAN (Nowozin, Cseke & Tomioka 2016, arXiv:1606.00709)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gantune.families.base import Equilibrium
from gantune.families.standard import StandardGAN, StandardHparams, constant_at_equals
from gantune.losses import DIVERGENCES
from gantune.params import param


@dataclass(frozen=True)
class FGANHparams(StandardHparams):
    """The divergence that D estimates."""

    divergence: str = param("gan", "the f-divergence that D bounds from below", choices=tuple(DIVERGENCES))


class FGAN(StandardGAN[FGANHparams]):
    """D maximises E_p T − E_q f*(T) with T = g_f(v), a lower bound of D_f(p‖q) (eq. 4, table 2); G maximises E_q T (section 3.2)."""

    name = "fgan"
    paper = "Nowozin, Cseke & Tomioka 2016, arXiv:1606.00709"
    Hparams = FGANHparams
    # LynnHo/f-GAN-Tensorflow (unofficial)
    canonical = {
        "divergence": "gan",
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 64,
        "features": 64,
        "latent_dim": 100,
    }
    decision = None  # f'(1), which differs between divergences

    def adversarial_d(self, real: Tensor, fake: Tensor, hp: FGANHparams) -> Tensor:
        divergence = DIVERGENCES[hp.divergence]
        return divergence.conjugate(fake).mean() - divergence.activation(real).mean()

    def adversarial_g(self, fake: Tensor, hp: FGANHparams) -> Tensor:
        return -DIVERGENCES[hp.divergence].activation(fake).mean()

    def equilibrium(self, hp: FGANHparams) -> Equilibrium | None:
        divergence = DIVERGENCES[hp.divergence]
        return constant_at_equals(hp, value=-divergence.at_one, scale=divergence.most)

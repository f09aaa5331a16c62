"""What the families with Goodfellow's own losses share (arXiv:1406.2661, eq. 1 and section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from gantune.families.base import Equilibrium
from gantune.families.standard import StandardGAN, StandardHparams, constant_at_equals
from gantune.losses import bce_d, minimax_g, non_saturating_g
from gantune.params import param


@dataclass(frozen=True)
class BCEHparams(StandardHparams):
    """The choice of the generator's loss."""

    g_loss: str = param("non_saturating", "the generator's loss: -ln D(G(z)), or ln(1 - D(G(z)))", choices=("non_saturating", "minimax"))


class BCEGAN(StandardGAN[BCEHparams]):
    """Binary cross-entropy for D; −ln D or the minimax loss for G."""

    Hparams = BCEHparams

    def adversarial_d(self, real: Tensor, fake: Tensor, hp: BCEHparams) -> Tensor:
        return bce_d(real, fake)

    def adversarial_g(self, fake: Tensor, hp: BCEHparams) -> Tensor:
        return (non_saturating_g if hp.g_loss == "non_saturating" else minimax_g)(fake)

    def equilibrium(self, hp: BCEHparams) -> Equilibrium | None:
        return constant_at_equals(hp, value=math.log(2), scale=math.log(2))

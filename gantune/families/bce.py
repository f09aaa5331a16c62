"""What the families with Goodfellow's own losses share (arXiv:1406.2661, eq. 1 and section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Memo
from gantune.losses import bce_d, minimax_g, non_saturating_g
from gantune.params import param

ArchT = TypeVar("ArchT")


@dataclass(frozen=True)
class BCEHparams:
    """The choice of the generator's loss."""

    g_loss: str = param("non_saturating", "the generator's loss: -ln D(G(z)), or ln(1 - D(G(z)))", choices=("non_saturating", "minimax"))


class AdversarialBCE(Family[ArchT, BCEHparams], Generic[ArchT]):
    """Binary cross-entropy for D; −ln D or the minimax loss for G. Subclasses bring networks and draws."""

    Hparams = BCEHparams

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: BCEHparams, memo: Memo) -> tuple[Tensor, Aux]:
        real, fake = d(batch.x), d(g(draws.z))
        loss = bce_d(real, fake)
        return loss, {"d_adv": loss, "d_real": real, "d_fake": fake}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: BCEHparams, memo: Memo) -> tuple[Tensor, Aux]:
        fake = d(g(draws.z))
        return (non_saturating_g if hp.g_loss == "non_saturating" else minimax_g)(fake), {}

    def equilibrium(self, hp: Any) -> Equilibrium:
        return Equilibrium(value=math.log(2), scale=math.log(2))

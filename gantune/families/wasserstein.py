"""What both Wasserstein GANs share: the critic's estimate as loss (Arjovsky et al. 2017, arXiv:1701.07875, eq. 2)."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

from gantune.families.base import Equilibrium
from gantune.families.standard import StandardGAN, StandardHparams
from gantune.losses import wasserstein_d, wasserstein_g

HparamsT = TypeVar("HparamsT", bound=StandardHparams)


class WassersteinGAN(StandardGAN[HparamsT]):
    """A critic without a threshold: its outputs mean something only in comparison. Subclasses keep it Lipschitz."""

    decision = None

    def adversarial_d(self, real: Tensor, fake: Tensor, hp: HparamsT) -> Tensor:
        return wasserstein_d(real, fake)

    def adversarial_g(self, fake: Tensor, hp: HparamsT) -> Tensor:
        return wasserstein_g(fake)

    def equilibrium(self, hp: HparamsT) -> Equilibrium:
        return Equilibrium(value=0.0, scale=None)

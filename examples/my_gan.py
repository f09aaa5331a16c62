"""A family of one's own: one-sided label smoothing (Salimans et al. 2016, arXiv:1606.03498, section 3.4).

D is asked to call real examples real with probability `target` and no more. Run it with

    gantune sweep examples/my_gan.yaml        # its hyperparameters searched
    gantune train examples/my_gan.py:MyGAN    # one run
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from gantune.families.base import Equilibrium
from gantune.families.dcgan import DCGAN
from gantune.families.standard import StandardGAN, StandardHparams, constant_at_equals
from gantune.losses import non_saturating_g
from gantune.params import param


@dataclass(frozen=True)
class MyHparams(StandardHparams):
    """What can be searched beside the networks' and the trainer's settings."""

    target: float = param(0.9, "what D shall answer to real examples", low=0.5, high=1)


class MyGAN(StandardGAN[MyHparams]):
    """Binary cross-entropy with a softened answer for real examples; −ln D for G. Networks and draws are those of all such families."""

    name = "my_gan"
    paper = "Salimans et al. 2016, arXiv:1606.03498"
    Hparams = MyHparams
    canonical = {**DCGAN.canonical, "target": 0.9}

    def adversarial_d(self, real: Tensor, fake: Tensor, hp: MyHparams) -> Tensor:
        on_real = hp.target * softplus(-real) + (1 - hp.target) * softplus(real)  # −t ln D − (1 − t) ln(1 − D), of logits (N,)
        return (on_real.mean() + softplus(fake).mean()) / 2

    def adversarial_g(self, fake: Tensor, hp: MyHparams) -> Tensor:
        return non_saturating_g(fake)

    def equilibrium(self, hp: MyHparams) -> Equilibrium | None:
        d = hp.target / 2  # the best answer where real and generated examples are equally likely
        value = -(hp.target * math.log(d) + (2 - hp.target) * math.log(1 - d)) / 2
        floor = sum(-t * math.log(t) for t in (hp.target, 1 - hp.target) if t > 0) / 2  # of a D that separates perfectly
        return constant_at_equals(hp, value=value, scale=value - floor)

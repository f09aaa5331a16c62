"""Loss-sensitive GAN (Qi 2017, arXiv:1701.06264)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from gantune.families.base import Aux, Batch, Draws, Memo
from gantune.families.standard import StandardGAN, StandardHparams
from gantune.params import param


@dataclass(frozen=True)
class LossSensitiveHparams(StandardHparams):
    """How far apart the losses of real and generated examples must be."""

    gap_weight: float = param(2.4576, "required gap of losses per mean absolute difference of two examples", low=0, high=1e4)
    real_weight: float = param(0.0, "weight of the loss of real examples by itself (the paper's gamma)", low=0, high=1e4)


class LossSensitiveGAN(StandardGAN[LossSensitiveHparams]):
    """D is a loss L ≥ 0, lower for real examples by a margin that grows with their distance from the generated ones (eq. 5).

    The authors' code takes 2e-4 times the L1 distance summed over 64 × 64 × 3 pixels; over the mean instead of the sum that is 2.4576,
    whatever the picture's size. Not the least squares GAN, which is `lsgan`.
    """

    name = "ls_gan"
    paper = "Qi 2017, arXiv:1701.06264"
    Hparams = LossSensitiveHparams
    # guojunq/lsgan
    canonical = {
        "lr_g": 1e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "batch": 64,
        "gap_weight": 2.4576,
        "real_weight": 0.0,
        "features": 64,
        "latent_dim": 100,
    }
    latent = "uniform"
    decision = None

    def judge(self, d: nn.Module, x: Tensor, batch: Batch) -> Tensor:
        return -softplus(d(x))  # minus the loss L(x), so that real examples have more

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: LossSensitiveHparams, memo: Memo) -> tuple[Tensor, Aux]:
        fake = self.generate(g, draws, batch)
        real_loss, fake_loss = -self.judge(d, batch.x, batch), -self.judge(d, fake, batch)
        distance = (batch.x - fake).abs().flatten(1).mean(1)
        loss = (hp.real_weight * real_loss + relu(hp.gap_weight * distance + real_loss - fake_loss)).mean()
        return self.with_penalty(loss, {"d_adv": loss, "d_real": -real_loss, "d_fake": -fake_loss}, d, batch, fake, draws, hp)

    def adversarial_d(self, real: Tensor, fake: Tensor, hp: LossSensitiveHparams) -> Tensor:
        raise AssertionError("the loss of D compares pairs of examples; see d_loss")

    def adversarial_g(self, fake: Tensor, hp: LossSensitiveHparams) -> Tensor:
        return -fake.mean()  # E L(G(z))

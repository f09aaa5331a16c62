"""What the families share whose G makes an example of z and whose D gives it one number: networks, draws, gradient penalties."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Form, Memo, Players, Samples
from gantune.nets.standard import StandardArch, check_independent, make_discriminator, make_generator
from gantune.params import param
from gantune.penalties import dragan_penalty, r1_penalty, wgan_gp_penalty

PENALTIES = ("none", "gp", "r1", "dragan")


@dataclass(frozen=True)
class StandardHparams:
    """A penalty on D's gradient, which any such family may have."""

    penalty: str = param(
        "none", "gradient penalty on D: between real and generated (gp), on real (r1), around real (dragan)", choices=PENALTIES
    )
    penalty_weight: float = param(10.0, "weight of that penalty (lambda; gamma of r1)", low=0, high=1e6)


HparamsT = TypeVar("HparamsT", bound=StandardHparams)


class StandardGAN(Family[StandardArch, HparamsT]):
    """Subclasses state two losses on D's outputs (N,), their canonical settings and their equilibrium."""

    Arch = StandardArch
    Hparams: ClassVar[type] = StandardHparams
    default_data = "mnist5k"
    latent: ClassVar[str] = "normal"  # distribution of z: standard normal, or `uniform` on [-1, 1]

    @abstractmethod
    def adversarial_d(self, real: Tensor, fake: Tensor, hp: HparamsT) -> Tensor:
        """What D minimises, of its outputs (N,) on real and on generated examples, without the penalty."""

    @abstractmethod
    def adversarial_g(self, fake: Tensor, hp: HparamsT) -> Tensor:
        """What G minimises, of D's outputs (N,) on generated examples."""

    def generate(self, g: nn.Module, draws: Draws, batch: Batch) -> Tensor:
        """Generated examples, shaped like the data."""
        examples: Tensor = g(draws.z)
        return examples

    def judge(self, d: nn.Module, x: Tensor, batch: Batch) -> Tensor:
        """D's output (N,) on x."""
        outputs: Tensor = d(x)
        return outputs

    def build(self, arch: StandardArch, form: Form) -> Players:
        return Players(g=make_generator(arch, form), d=make_discriminator(arch, form))

    def draw(self, arch: StandardArch, hp: HparamsT, form: Form, n: int, generator: torch.Generator) -> Draws:
        z = latent(self.latent, n, arch.latent_dim, generator)
        device = generator.device
        eps = torch.rand(n, 1, generator=generator, device=device) if hp.penalty in ("gp", "dragan") else None
        spread = torch.rand(n, *form.shape, generator=generator, device=device) if hp.penalty == "dragan" else None
        return Draws(z=z, eps=eps, spread=spread)

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: HparamsT, memo: Memo) -> tuple[Tensor, Aux]:
        fake = self.generate(g, draws, batch)
        on_real, on_fake = self.judge(d, batch.x, batch), self.judge(d, fake, batch)
        loss = self.adversarial_d(on_real, on_fake, hp)
        return self.with_penalty(loss, {"d_adv": loss, "d_real": on_real, "d_fake": on_fake}, d, batch, fake, draws, hp)

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: HparamsT, memo: Memo) -> tuple[Tensor, Aux]:
        fake = self.generate(g, draws, batch)
        return self.adversarial_g(self.judge(d, fake, batch), hp), {}

    def sample(self, g: nn.Module, draws: Draws, given: Batch) -> Samples:
        return Samples(self.generate(g, draws, given))

    def check(self, arch: StandardArch, hp: HparamsT, form: Form) -> None:
        check_independent(arch, form, hp.penalty)

    def with_penalty(
        self, loss: Tensor, aux: Aux, d: nn.Module, batch: Batch, fake: Tensor, draws: Draws, hp: HparamsT
    ) -> tuple[Tensor, Aux]:
        """D's loss with the penalty that the settings ask for."""
        if hp.penalty == "none":
            return loss, aux
        penalty = self._penalty(d, batch, fake, draws, hp)
        return loss + hp.penalty_weight * penalty, aux | {"d_penalty": penalty}

    def _penalty(self, d: nn.Module, batch: Batch, fake: Tensor, draws: Draws, hp: HparamsT) -> Tensor:
        def judged(x: Tensor) -> Tensor:
            return self.judge(d, x, batch)

        if hp.penalty == "r1":
            return r1_penalty(judged, batch.x)
        assert draws.eps is not None
        eps = draws.eps.view(-1, *[1] * (fake.ndim - 1))
        if hp.penalty == "gp":
            return wgan_gp_penalty(judged, batch.x, fake, eps)
        assert draws.spread is not None
        return dragan_penalty(judged, batch.x, eps, draws.spread)


def constant_at_equals(hp: StandardHparams, value: float, scale: float | None) -> Equilibrium | None:
    """`value`, which a D that gives all examples the same output reads at equal distributions; None where a penalty that wants
    gradients of norm 1 keeps D from being constant there. (A critic's linear loss does not mind, and needs no such care.)"""
    return None if hp.penalty in ("gp", "dragan") else Equilibrium(value, scale)


def latent(distribution: str, n: int, dim: int, generator: torch.Generator) -> Tensor:
    """z (n, dim), standard normal or uniform on [-1, 1]."""
    if distribution == "uniform":
        return torch.rand(n, dim, generator=generator, device=generator.device) * 2 - 1
    assert distribution == "normal", distribution
    return torch.randn(n, dim, generator=generator, device=generator.device)

"""Conditional GAN (Mirza & Osindero 2014, arXiv:1411.1784), in its convolutional form."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from gantune.families.base import Batch, Draws, Form, Players, Samples
from gantune.families.bce import BCEGAN
from gantune.nets.conditional import ConditionalDiscriminator, ConditionalGenerator
from gantune.nets.standard import StandardArch
from gantune.params import param


@dataclass(frozen=True)
class ConditionalArch(StandardArch):
    """Standard networks, each told the label through an embedding of its own."""

    embedding: int = param(16, "numbers that a label becomes before a player is told it", low=1, high=4096)


class CGAN(BCEGAN):
    """Both players are told the class, or the attributes, of the example (eq. 2)."""

    name = "cgan"
    paper = "Mirza & Osindero 2014, arXiv:1411.1784"
    Arch = ConditionalArch
    needs = "labels"
    # as dcgan
    canonical = {"lr_g": 2e-4, "lr_ratio": 1.0, "k": 1, "beta1": 0.5, "batch": 64, "features": 64, "latent_dim": 100, "embedding": 16}

    def build(self, arch: StandardArch, form: Form) -> Players:
        assert isinstance(arch, ConditionalArch)
        return Players(g=ConditionalGenerator(arch, form, arch.embedding), d=ConditionalDiscriminator(arch, form, arch.embedding))

    def generate(self, g: nn.Module, draws: Draws, batch: Batch) -> Tensor:
        examples: Tensor = g(draws.z, batch.y)
        return examples

    def judge(self, d: nn.Module, x: Tensor, batch: Batch) -> Tensor:
        outputs: Tensor = d(x, batch.y)
        return outputs

    def sample(self, g: nn.Module, draws: Draws, given: Batch) -> Samples:
        return Samples(self.generate(g, draws, given), y=given.y)

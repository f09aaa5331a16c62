"""What a GAN is: the interface every family implements. A family is pure; it owns no optimiser, device or random state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from gantune.data.batches import Batch

Memo = dict[str, Tensor]  # what a family remembers between steps; tensors of fixed shape
Aux = dict[str, Tensor]  # d_adv: scalar; d_real, d_fake: (N,) outputs of D; d_penalty: scalar
__all__ = ["Aux", "Batch", "Draws", "Equilibrium", "Family", "Memo", "Players"]

ArchT = TypeVar("ArchT")
HparamsT = TypeVar("HparamsT")


@dataclass(frozen=True)
class Players:
    """The two networks. Either may hold several nets (InfoGAN's Q, BiGAN's E)."""

    g: nn.Module
    d: nn.Module


@dataclass(frozen=True)
class Draws:
    """The randomness of one step: `z` (N, latent_dim); `eps` (N, 1, ...) in [0, 1] where a penalty interpolates."""

    z: Tensor
    eps: Tensor | None = None


@dataclass(frozen=True)
class Equilibrium:
    """The discriminator's adversarial loss `d_adv` when real and generated distributions are equal.

    `scale` is the distance from `value` that a rule may call one unit (ln 2 for BCE); None where no scale is known
    (critics), so that rules which read a distance are refused.
    """

    value: float
    scale: float | None


class Family(ABC, Generic[ArchT, HparamsT]):
    """A GAN: its networks, its draws and its two losses.

    The trainer decides which player gets gradients: no `.detach()` inside a family.
    """

    name: ClassVar[str]
    paper: ClassVar[str]  # authors, year, arXiv id
    Arch: ClassVar[type]
    Hparams: ClassVar[type]
    canonical: ClassVar[Mapping[str, Any]]  # the authors' settings by parameter name, with their source in a comment
    default_data: ClassVar[str]
    decision: ClassVar[float | None] = 0.0  # D calls real what it scores above this; None: above the batch's midpoint

    @abstractmethod
    def build(self, arch: ArchT, shape: tuple[int, ...]) -> Players:
        """Fresh networks for examples of `shape`, (C, H, W) or (2,). Raises `UserError` where they do not fit."""

    @abstractmethod
    def draw(self, arch: ArchT, n: int, generator: torch.Generator) -> Draws:
        """All randomness of a step on the generator's device."""

    @abstractmethod
    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: HparamsT, memo: Memo) -> tuple[Tensor, Aux]:
        """The loss D minimises, and its parts: `d_adv`, `d_real`, `d_fake`, and `d_penalty` where there is one."""

    @abstractmethod
    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: HparamsT, memo: Memo) -> tuple[Tensor, Aux]:
        """The loss G minimises, and its parts (which may be empty)."""

    def sample(self, g: nn.Module, draws: Draws) -> Tensor:
        """Generated examples for `draws`, shaped like the data."""
        examples: Tensor = g(draws.z)
        return examples

    def equilibrium(self, hp: HparamsT) -> Equilibrium | None:
        """`d_adv` at equal distributions, or None where the family has no such value."""
        return None

    def memo(self, arch: ArchT, hp: HparamsT) -> Memo:
        """The memory a run starts with."""
        return {}

    def project(self, d: nn.Module, hp: HparamsT) -> None:
        """Project D's weights back into its constraint after a step (WGAN's clipping)."""

    def remember(self, memo: Memo, aux: Aux, hp: HparamsT, kimg: float) -> None:
        """Update the memory in place after a D step (BEGAN's k_t, annealed margins)."""

"""What a GAN is: the interface every family implements. A family is pure; it owns no optimiser, device or random state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from gantune.data.batches import Batch
from gantune.data.dataset import Form
from gantune.errors import UserError

Memo = dict[str, Tensor]  # what a family remembers between steps; tensors of fixed shape
Aux = dict[str, Tensor]  # d_adv: scalar; d_real, d_fake: outputs of D, higher for real; further scalars by their signals' names
Needs = Literal["examples", "labels", "pairs", "domains", "queries"]
__all__ = ["Aux", "Batch", "Draws", "Equilibrium", "Family", "Form", "Memo", "Needs", "Players", "Samples"]

NEEDED: dict[Needs, str] = {
    "examples": "pictures or points",
    "labels": "labelled examples",
    "pairs": "pairs of pictures",
    "domains": "pictures of two domains",
    "queries": "queries with their documents",
}

ArchT = TypeVar("ArchT")
HparamsT = TypeVar("HparamsT")


@dataclass(frozen=True)
class Players:
    """The two networks. Either may hold several nets (InfoGAN's Q, BiGAN's E): see gantune.nets.parts."""

    g: nn.Module
    d: nn.Module


@dataclass(frozen=True)
class Draws:
    """The randomness of one step: `z` (N, latent_dim); what a penalty needs; InfoGAN's codes."""

    z: Tensor
    eps: Tensor | None = None  # (N, 1) in [0, 1]: where a penalty looks between two points
    spread: Tensor | None = None  # (N, *shape) in [0, 1]: DRAGAN's neighbourhood of the data
    code: Tensor | None = None  # (N,) int64 categories
    code_c: Tensor | None = None  # (N, L) continuous codes in [-1, 1]
    coin: Tensor | None = None  # (2, N) in [0, 1]: whether D sees a remembered picture instead, in either domain
    slot: Tensor | None = None  # (2, N) int64: which one

    def __len__(self) -> int:
        return len(self.z)


@dataclass(frozen=True)
class Samples:
    """What the generator made, in evaluation mode, with what it is measured against."""

    x: Tensor  # (n, *shape) like the data; (n, M) scores of documents
    y: Tensor | None = None  # (n,) or (n, A): the label that each was asked for; (n, M) relevance of the documents
    code: Tensor | None = None  # (n,) the category that each was made from, whatever it means
    target: Tensor | None = None  # (n, *shape) what a paired generator should have made
    source: Tensor | None = None  # (n, C', H', W') what it was made from
    back: Tensor | None = None  # (n, C', H', W') made in the other domain
    back_source: Tensor | None = None  # (n, *shape) what that was made from
    cycle: Tensor | None = None  # (n,) mean absolute error of the round trips, in units of [-1, 1]


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
    needs: ClassVar[Needs] = "examples"  # of the data; see check_data
    decision: ClassVar[float | None] = 0.0  # D calls real what it scores above this; None: above the batch's midpoint
    shaped_by: ClassVar[frozenset[str]] = frozenset()  # hyperparameters that decide the shape of the memory, so that they stay as they are
    admits_augmentation: ClassVar[bool] = True  # whether all inputs of D may be shifted, cut and recoloured, which its loss does not see

    @abstractmethod
    def build(self, arch: ArchT, form: Form) -> Players:
        """Fresh networks for data of `form`. Raises `UserError` where they do not fit."""

    @abstractmethod
    def draw(self, arch: ArchT, hp: HparamsT, form: Form, n: int, generator: torch.Generator) -> Draws:
        """All randomness of a step on the generator's device."""

    @abstractmethod
    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: HparamsT, memo: Memo) -> tuple[Tensor, Aux]:
        """The loss D minimises, and its parts: `d_adv`, `d_real`, `d_fake`, and `d_penalty` where there is one."""

    @abstractmethod
    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: HparamsT, memo: Memo) -> tuple[Tensor, Aux]:
        """The loss G minimises, and its parts (which may be empty)."""

    def sample(self, g: nn.Module, draws: Draws, given: Batch) -> Samples:
        """Generated examples for `draws`, and for what is `given` where the family needs it: labels, sources, queries."""
        return Samples(g(draws.z))

    def check(self, arch: ArchT, hp: HparamsT, form: Form) -> None:
        """Raise `UserError` where settings contradict each other, or the data."""

    def equilibrium(self, hp: HparamsT) -> Equilibrium | None:
        """`d_adv` at equal distributions, or None where the family has no such value."""
        return None

    def codes(self, arch: ArchT) -> int:
        """How many unnamed categories `sample` can be asked for as `given.y`; 0: none."""
        return 0

    def memo(self, arch: ArchT, hp: HparamsT, form: Form) -> Memo:
        """The memory a run starts with."""
        return {}

    def project(self, d: nn.Module, hp: HparamsT) -> None:
        """Project D's weights back into its constraint after a step (WGAN's clipping)."""

    def remember(self, memo: Memo, aux: Aux, hp: HparamsT, kimg: float) -> None:
        """Update the memory in place after a D step (BEGAN's k_t, annealed margins)."""


def check_data(family: Family[Any, Any], data: str, form: Form) -> None:
    """`UserError` when the data lack what `family` needs: labels, partners, another domain, queries."""
    has_labels, has_source = bool(form.classes or form.attributes), form.source is not None
    having = {
        "examples": (not form.is_queries, "mnist5k"),
        "labels": (has_labels and not form.is_queries, "mnist5k, or labelled:PATH with a folder for each class"),
        "pairs": (has_source and form.paired, "mnist5k_edges, or paired:PATH with pictures side by side"),
        "domains": (has_source, "mnist5k_twins, or unpaired:PATH with the folders A and B"),
        "queries": (form.is_queries, "digits_retrieval, or letor:PATH"),
    }
    fits, example = having[family.needs]
    if not fits:
        raise UserError(f"family {family.name} needs {NEEDED[family.needs]}, and data {data} has none. Use {example}.")

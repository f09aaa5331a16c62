"""What the families share that make a picture of another picture: the adversarial games, and both directions of unpaired translation.

A is the domain of `source`, B that of the examples x: `ab` translates a source into an example.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from gantune.errors import UserError
from gantune.families.base import Batch, Draws, Equilibrium, Family, Form, Samples
from gantune.losses import bce_d, least_squares_d, non_saturating_g

ArchT = TypeVar("ArchT")
HparamsT = TypeVar("HparamsT")


@dataclass(frozen=True)
class Game:
    """What both players minimise, of D's outputs of any shape; what D calls real lies above `decision`."""

    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor], Tensor]
    decision: float
    equilibrium: Equilibrium


def whole_squares_g(fake: Tensor) -> Tensor:
    """E (s − 1)²: translation weighs its other terms against the whole square, while D's objective is halved (CycleGAN, section 4)."""
    return (fake - 1).square().mean()


GAMES = {
    "bce": Game(bce_d, non_saturating_g, 0.0, Equilibrium(value=math.log(2), scale=math.log(2))),
    "least_squares": Game(least_squares_d, whole_squares_g, 0.5, Equilibrium(value=0.25, scale=0.25)),
}


@dataclass(frozen=True)
class Domains:
    """Channels of both domains and the one size of their pictures."""

    a: int
    b: int
    size: int

    @classmethod
    def of(cls, form: Form) -> Domains:
        """From the data's form. `UserError` where the pictures of the two domains differ in size."""
        assert form.source is not None, "gantune.families.base.check_data comes first"
        if len(form.shape) != 3 or form.source[1:] != form.shape[1:] or form.shape[1] != form.shape[2]:
            raise UserError(f"translation takes square pictures of one size, got {form.source[1:]} and {form.shape[1:]}. Set image_size.")
        return cls(form.source[0], form.shape[0], form.shape[1])


def nothing(n: int, generator: torch.Generator) -> Tensor:
    """z (n, 0) of a generator that is given pictures instead."""
    return torch.empty(n, 0, device=generator.device)


class TwoWays(Family[ArchT, HparamsT]):
    """Unpaired translation: G holds `ab` and `ba`, D holds `a` and `b`."""

    needs = "domains"
    default_data = "mnist5k_twins"
    admits_augmentation = False

    def draw(self, arch: ArchT, hp: HparamsT, form: Form, n: int, generator: torch.Generator) -> Draws:
        return Draws(z=nothing(n, generator))

    def sample(self, g: nn.Module, draws: Draws, given: Batch) -> Samples:
        a, b = both(given)
        made_b, made_a = g(a, part="ab"), g(b, part="ba")
        errors = [(g(made_b, part="ba") - a).abs(), (g(made_a, part="ab") - b).abs()]
        cycle = torch.stack([error.flatten(1).mean(1) for error in errors]).mean(0)
        return Samples(made_b, source=a, back=made_a, back_source=b, cycle=cycle)


def both(batch: Batch) -> tuple[Tensor, Tensor]:
    """Pictures of A and of B."""
    assert batch.source is not None, "gantune.families.base.check_data comes first"
    return batch.source, batch.x


def absolute_error(x: Tensor, y: Tensor) -> Tensor:
    """Mean over all numbers."""
    return (x - y).abs().mean()

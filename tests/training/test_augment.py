"""Augmentation: what each policy does, that it is differentiable, and that real and generated pictures get the same kind."""

from __future__ import annotations

import pytest
import torch

from gantune.training.augment import CHOICES, augmented, policies


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_choices() -> None:
    assert policies("none") == ()
    assert policies("all") == ("color", "translation", "cutout")
    assert {policy for choice in CHOICES for policy in policies(choice)} == {"color", "translation", "cutout"}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", ["color", "translation", "cutout"])
def test_every_policy_changes_pictures_by_the_given_generator_alone(policy: str, channels: int) -> None:
    x = torch.rand(8, channels, 16, 16, generator=source(5)) * 2 - 1
    first = augmented(x, (policy,), source())
    torch.manual_seed(9)
    assert torch.equal(first, augmented(x, (policy,), source()))
    assert not torch.equal(first, augmented(x, (policy,), source(1)))
    assert not torch.equal(first, x)
    assert first.shape == x.shape


def test_translation_moves_and_fills_with_zero() -> None:
    x = torch.ones(200, 1, 16, 16)
    moved = augmented(x, ("translation",), source())
    kept = moved.sum((1, 2, 3)) / 256
    assert kept.min() == pytest.approx((14 / 16) ** 2)  # two pixels each way at the most
    assert kept.max() == 1
    ramp = torch.arange(256.0).view(1, 1, 16, 16).expand(50, -1, -1, -1)
    for picture in augmented(ramp, ("translation",), source()):
        inside = picture[0, 2:-2, 2:-2]
        assert torch.equal(inside.diff(dim=1), torch.ones(12, 11))  # rows stay rows


def test_cutout_takes_a_square_of_half_the_side() -> None:
    gone = (augmented(torch.ones(300, 1, 16, 16), ("cutout",), source()) == 0).sum((1, 2, 3))
    assert gone.max() <= 8 * 8 + 8 * 2
    assert gone.max() >= 7 * 7
    assert gone.float().mean() > 30  # at the edge a part of the hole lies outside


def test_gradients_flow_through_all_of_it() -> None:
    x = torch.rand(4, 3, 16, 16, requires_grad=True)
    augmented(x, policies("all"), source()).square().sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).float().mean() > 0.3

"""Gradient penalties against functions whose gradient is known."""

from __future__ import annotations

import pytest
import torch

from gantune.penalties import dragan_penalty, input_gradient_norm, r1_penalty, wgan_gp_penalty

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def test_gradient_norm_of_a_quadratic_is_its_closed_form() -> None:
    norms = input_gradient_norm(lambda x: (x**2).sum(1), X)
    assert torch.allclose(norms, (2 * X).norm(dim=1))


def test_wgan_gp_penalty_is_zero_for_slope_one_and_four_for_slope_three() -> None:
    eps = torch.rand(6, 1, generator=torch.Generator().manual_seed(1))
    direction = torch.tensor([0.6, 0.8, 0.0])
    assert wgan_gp_penalty(lambda x: x @ direction, X, -X, eps).item() == pytest.approx(0, abs=1e-6)
    assert wgan_gp_penalty(lambda x: 3 * x @ direction, X, -X, eps).item() == pytest.approx(4, rel=1e-5)


def test_penalty_is_taken_on_the_segment() -> None:
    """For D(x) = ½ x², ‖∇D(x̂)‖ = |x̂|: at eps ¼ of the way from 0 to 4 it is 1, so that nothing is penalised."""
    real, fake, eps = torch.zeros(2, 1), torch.full((2, 1), 4.0), torch.full((2, 1), 0.25)
    assert wgan_gp_penalty(lambda x: 0.5 * (x**2).sum(1), real, fake, eps).item() == pytest.approx(0, abs=1e-6)


def test_r1_is_half_the_squared_gradient_and_reaches_the_weights() -> None:
    weight = torch.tensor([1.0, 2.0, 2.0], requires_grad=True)
    penalty = r1_penalty(lambda x: x @ weight, X)
    assert penalty.item() == pytest.approx(4.5)
    penalty.backward()
    assert torch.allclose(weight.grad, weight.detach())


def test_dragan_looks_between_the_data_and_a_neighbour_half_a_std_away() -> None:
    """For D(x) = ½ ‖x‖² the gradient is the place itself: x + eps · ½ std(x) · spread, std over all numbers of the batch."""
    real = torch.tensor([[3.0, 0.0], [0.0, -1.0]])
    eps, spread = torch.tensor([[0.5], [1.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.4]])
    std = (sum((value - 0.5) ** 2 for value in (3.0, 0.0, 0.0, -1.0)) / 3) ** 0.5
    norms = (3 + 0.5 * 0.5 * std, 1 - 0.5 * std * 0.4)
    expected = sum((norm - 1) ** 2 for norm in norms) / 2
    assert dragan_penalty(lambda x: 0.5 * (x**2).sum(1), real, eps, spread).item() == pytest.approx(expected, rel=1e-5)

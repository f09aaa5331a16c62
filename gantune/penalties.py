"""Penalties on D's gradient with respect to its input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def input_gradient_norm(d: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """‖∇ₓ D(x)‖₂ for each example (N,), differentiable in D's weights where gradients are on. `x` (N, ...) is not changed.

    D must treat examples independently (no batch norm), or the gradient of the sum is not each example's own.
    """
    keep_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        inputs = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(d(inputs).sum(), inputs, create_graph=keep_graph)
    norm: Tensor = gradient.flatten(1).norm(dim=1)
    return norm


def wgan_gp_penalty(d: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, eps: Tensor) -> Tensor:
    """E (‖∇ D(x̂)‖ − 1)² on the segments between real and fake (Gulrajani et al. 2017, eq. 3). `eps` (N, 1, ...) in [0, 1]."""
    x_hat = torch.lerp(real, fake, eps)
    return (input_gradient_norm(d, x_hat) - 1).square().mean()


def r1_penalty(d: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """½ E_p ‖∇ D(x)‖² (Mescheder et al. 2018, eq. 9), to be weighted by γ."""
    return input_gradient_norm(d, real).square().mean() / 2


def dragan_penalty(d: Callable[[Tensor], Tensor], real: Tensor, eps: Tensor, spread: Tensor) -> Tensor:
    """E (‖∇ D(x̂)‖ − 1)² between the data and their neighbourhood (Kodali et al. 2017, arXiv:1705.07215, section 2.3).

    `spread` (N, *shape) in [0, 1] makes the neighbour x + ½ std(x) · spread, `eps` (N, 1, ...) in [0, 1] the place between.
    """
    neighbour = real + 0.5 * real.std() * spread
    return (input_gradient_norm(d, torch.lerp(real, neighbour, eps)) - 1).square().mean()

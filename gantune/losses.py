"""Adversarial losses as pure functions of D's outputs.

Binary cross-entropy and least squares are averaged, half of D's term on real plus half of that on generated examples, so that the
former reads ln 2 nats at chance; the others are the sums that their papers state. `real` and `fake` are D's raw outputs (N,).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import normalize, relu, softplus


def bce_d(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross-entropy of D on logits (Goodfellow et al. 2014, eq. 1, negated and halved): ln 2 − JSD for an optimal D."""
    return (softplus(-real).mean() + softplus(fake).mean()) / 2


def minimax_g(fake: Tensor) -> Tensor:
    """The generator's side of eq. 1: E ln(1 − D(G(z))); its gradient vanishes where D is sure."""
    return -softplus(fake).mean()


def non_saturating_g(fake: Tensor) -> Tensor:
    """−E ln D(G(z)) (Goodfellow et al. 2014, section 3)."""
    return softplus(-fake).mean()


def wasserstein_d(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's negated estimate E_q s − E_p s (Arjovsky et al. 2017, eq. 2)."""
    return fake.mean() - real.mean()


def wasserstein_g(fake: Tensor) -> Tensor:
    """−E_q s."""
    return -fake.mean()


def least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """½ E_p (s − 1)² + ½ E_q s² (Mao et al. 2016, eq. 9 with targets 0, 1, 1): ¼ at chance."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def least_squares_g(fake: Tensor) -> Tensor:
    """½ E_q (s − 1)²."""
    return (fake - 1).square().mean() / 2


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """E_p (1 − s)⁺ + E_q (1 + s)⁺ (Lim & Ye 2017; Miyato et al. 2018, eq. 16): 2 at chance, 2 (1 − TV) for an optimal D."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def pulling_away(codes: Tensor) -> Tensor:
    """Mean squared cosine between the codes (N, d) of different examples of a batch (Zhao et al. 2016, section 2.4); 0 for a single one."""
    n = len(codes)
    squares = (normalize(codes) @ normalize(codes).T).square()
    return (squares.sum() - squares.diagonal().sum()) / max(1, n * (n - 1))


@dataclass(frozen=True)
class Divergence:
    """An f-divergence in the variational form of Nowozin et al. 2016 (arXiv:1606.00709, tables 1 and 2).

    `activation` is T = g_f(v) of D's raw output v, `conjugate` f*(g_f(v)) in a form that does not overflow before it must.
    """

    f: Callable[[float], float]  # of u = p / q
    activation: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]
    at_one: float  # f(1), the divergence of equal distributions
    most: float | None  # how far above f(1) it can rise; None: without bound


LN2 = math.log(2)
DIVERGENCES: dict[str, Divergence] = {
    "kl": Divergence(lambda u: u * math.log(u), lambda v: v, lambda v: (v - 1).exp(), 0.0, None),
    "reverse_kl": Divergence(lambda u: -math.log(u), lambda v: -(-v).exp(), lambda v: v - 1, 0.0, None),
    "pearson": Divergence(lambda u: (u - 1) ** 2, lambda v: v, lambda v: v.square() / 4 + v, 0.0, None),
    "hellinger": Divergence(lambda u: (math.sqrt(u) - 1) ** 2, lambda v: 1 - (-v).exp(), lambda v: v.exp() - 1, 0.0, 2.0),
    "js": Divergence(
        lambda u: u * math.log(u) - (u + 1) * math.log((1 + u) / 2),
        lambda v: LN2 - softplus(-v),
        lambda v: softplus(v) - LN2,
        0.0,
        2 * LN2,
    ),
    "gan": Divergence(lambda u: u * math.log(u) - (u + 1) * math.log(u + 1), lambda v: -softplus(-v), softplus, -2 * LN2, 2 * LN2),
}

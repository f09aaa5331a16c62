"""Losses against closed forms and against the divergences an optimal D attains."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from gantune import losses

REAL, FAKE = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([-0.3, 1.5, 0.0])


def sigmoid(s: float) -> float:
    return 1 / (1 + math.exp(-s))


def test_bce_is_the_averaged_binary_cross_entropy() -> None:
    real = sum(-math.log(sigmoid(s)) for s in REAL.tolist()) / 3
    fake = sum(-math.log(1 - sigmoid(s)) for s in FAKE.tolist()) / 3
    assert losses.bce_d(REAL, FAKE).item() == pytest.approx((real + fake) / 2, rel=1e-6)


def test_generator_losses() -> None:
    assert losses.minimax_g(FAKE).item() == pytest.approx(sum(math.log(1 - sigmoid(s)) for s in FAKE.tolist()) / 3, rel=1e-6)
    assert losses.non_saturating_g(FAKE).item() == pytest.approx(sum(-math.log(sigmoid(s)) for s in FAKE.tolist()) / 3, rel=1e-6)
    assert losses.wasserstein_g(FAKE).item() == pytest.approx(-0.4, rel=1e-6)


def test_critic_least_squares_and_hinge() -> None:
    assert losses.wasserstein_d(REAL, FAKE).item() == pytest.approx(0.4 - 0.5, rel=1e-5)
    assert losses.least_squares_d(REAL, FAKE).item() == pytest.approx(((0.25 + 4 + 1) + (0.09 + 2.25)) / 6, rel=1e-6)
    assert losses.hinge_d(REAL, FAKE).item() == pytest.approx((0.5 + 2 + 0 + 0.7 + 2.5 + 1) / 3, rel=1e-6)


def test_chance_values() -> None:
    zero, half = torch.zeros(4), torch.full((4,), 0.5)
    assert losses.bce_d(zero, zero).item() == pytest.approx(math.log(2))
    assert losses.least_squares_d(half, half).item() == pytest.approx(0.25)
    assert losses.hinge_d(zero, zero).item() == 2
    assert losses.wasserstein_d(half, half).item() == 0


def test_huge_logits_stay_finite() -> None:
    huge = torch.tensor([1e4, -1e4])
    assert torch.isfinite(losses.bce_d(huge, huge))
    assert torch.isfinite(losses.non_saturating_g(huge))


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_optimal_d_attains_ln2_minus_jsd_and_its_kin(shift: float) -> None:
    """Between N(0, 1) and N(shift, 1): BCE = ln 2 − JSD, least squares = ¼ − ⅛∫(p−q)²/(p+q), hinge = 2 (1 − TV)."""
    p, q = norm(0, 1).pdf, norm(shift, 1).pdf

    def integral(f) -> float:
        return quad(f, -8, 8 + shift, limit=100, epsabs=1e-8)[0]

    def expected(loss, optimal, free: float) -> float:
        """E_p of the loss's real part + E_q of its fake part, told apart by an output `free` that costs nothing as a fake."""

        def integrand(x: float) -> float:
            s = torch.tensor([optimal(x)], dtype=torch.float64)
            real_part = float(loss(s, torch.full_like(s, free)))
            return p(x) * real_part + q(x) * (float(loss(s, s)) - real_part)

        return integral(integrand)

    jsd = integral(lambda x: 0.5 * p(x) * math.log(2 * p(x) / (p(x) + q(x))) + 0.5 * q(x) * math.log(2 * q(x) / (p(x) + q(x))))
    tv = 0.5 * integral(lambda x: abs(p(x) - q(x)))
    gap = integral(lambda x: (p(x) - q(x)) ** 2 / (p(x) + q(x)))
    bce = expected(losses.bce_d, lambda x: math.log(p(x) / q(x)), free=-1e3)
    least_squares = expected(losses.least_squares_d, lambda x: p(x) / (p(x) + q(x)), free=0.0)
    hinge = expected(losses.hinge_d, lambda x: 1.0 if p(x) > q(x) else -1.0, free=-1e3)
    assert bce == pytest.approx(math.log(2) - jsd, abs=1e-6)
    assert least_squares == pytest.approx(0.25 - gap / 8, abs=1e-6)
    assert hinge == pytest.approx(2 * (1 - tv), abs=1e-4)


@pytest.mark.parametrize("name", list(losses.DIVERGENCES))
def test_an_optimal_f_gan_attains_its_divergence(name: str) -> None:
    """Between N(0, 1) and N(½, 1): E_p T − E_q f*(T) at T = f'(p/q) is D_f(p‖q) = E_q f(p/q), and no other v gives more."""
    p, q = norm(0, 1).pdf, norm(0.5, 1).pdf
    divergence = losses.DIVERGENCES[name]

    def integral(f) -> float:
        return quad(f, -8, 8.5, limit=200, epsabs=1e-9)[0]

    def parts(v: float) -> tuple[float, float]:
        raw = torch.tensor(v, dtype=torch.float64)
        return float(divergence.activation(raw)), float(divergence.conjugate(raw))

    def value(shift: float) -> float:
        def integrand(x: float) -> float:
            activation, conjugate = parts(OPTIMAL[name](p(x) / q(x)) + shift)
            return p(x) * activation - q(x) * conjugate

        return integral(integrand)

    expected = integral(lambda x: q(x) * divergence.f(p(x) / q(x)))
    assert value(0.0) == pytest.approx(expected, abs=1e-6)
    assert value(0.05) < expected > value(-0.05)
    assert divergence.at_one == pytest.approx(divergence.f(1.0))


OPTIMAL = {  # v with g_f(v) = f'(u), solved by hand
    "kl": lambda u: math.log(u) + 1,
    "reverse_kl": math.log,
    "pearson": lambda u: 2 * (u - 1),
    "hellinger": lambda u: 0.5 * math.log(u),
    "js": math.log,
    "gan": math.log,
}


def test_js_and_gan_rows_are_twice_jsd() -> None:
    """The JS row is 2·JSD, the GAN row 2·JSD − 2 ln 2."""
    p, q = norm(0, 1).pdf, norm(2, 1).pdf

    def integral(f) -> float:
        return quad(f, -8, 10, limit=200, epsabs=1e-9)[0]

    jsd = integral(lambda x: 0.5 * p(x) * math.log(2 * p(x) / (p(x) + q(x))) + 0.5 * q(x) * math.log(2 * q(x) / (p(x) + q(x))))
    js, gan = (integral(lambda x, f=losses.DIVERGENCES[name].f: q(x) * f(p(x) / q(x))) for name in ("js", "gan"))
    assert js == pytest.approx(2 * jsd, abs=1e-6)
    assert gan == pytest.approx(2 * jsd - 2 * math.log(2), abs=1e-6)


def test_pulling_away_leaves_out_each_code_with_itself() -> None:
    codes = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]])  # cosines 1, 0, 0
    assert losses.pulling_away(codes).item() == pytest.approx(2 / 6)
    assert losses.pulling_away(torch.eye(4)).item() == pytest.approx(0, abs=1e-7)

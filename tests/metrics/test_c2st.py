"""The two-sample test on Gaussians whose divergence is known."""

from __future__ import annotations

import math
import time

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from gantune.metrics.c2st import c2st
from gantune.metrics.ridge import fit

D, N = 128, 1000


def gaussians(shift: float, scale: float, n: int, source: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """p = N(0, I) and q = N(shift/√d, scale²·I): the means are `shift` apart."""
    p = torch.randn(n, D, generator=source, dtype=torch.float64)
    q = torch.randn(n, D, generator=source, dtype=torch.float64) * scale + shift / math.sqrt(D)
    return p, q


def true_jsd(shift: float, scale: float) -> float:
    """ln 2 minus the BCE of the exact log density ratio, by Monte Carlo; its own error is below 0.003."""

    def log_ratio(x: torch.Tensor) -> torch.Tensor:  # ln p - ln q
        return -x.square().sum(1) / 2 + (x - shift / math.sqrt(D)).square().sum(1) / (2 * scale**2) + D * math.log(scale)

    p, q = gaussians(shift, scale, 40_000, torch.Generator().manual_seed(99))
    softplus = torch.nn.functional.softplus
    return math.log(2) - float((softplus(-log_ratio(p)).mean() + softplus(log_ratio(q)).mean()) / 2)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (2.5, 1.0), (0.0, 1.1), (0.0, 1.3), (1.0, 1.1), (3.0, 1.3)])
def test_detects_a_known_difference_and_stays_below_it(shift, scale, seed):
    real, fake = gaussians(shift, scale, N, torch.Generator().manual_seed(seed))
    test, truth = c2st(real, fake, seed=seed), true_jsd(shift, scale)
    assert test.detected
    assert test.low <= truth
    assert test.bound == pytest.approx(math.log(2) - test.loss)
    assert test.low < test.bound < test.high


def test_alike_sides_read_ln2_and_are_rarely_told_apart():
    tests = []
    for seed in range(40):
        source = torch.Generator().manual_seed(1000 + seed)
        tests.append(c2st(*gaussians(0.0, 1.0, N, source), seed=seed))
    assert max(abs(test.loss - math.log(2)) for test in tests) < 0.02, "overfitting would read above ln 2"
    assert sum(test.detected for test in tests) <= 4, "a 95 % interval leaves 2.5 % above zero"


def test_a_pure_change_of_covariance_is_visible():
    """A linear classifier on x alone reads ln 2 here."""
    real, fake = gaussians(0.0, 1.2, N, torch.Generator().manual_seed(5))
    assert c2st(real, fake).bound > 0.3


def test_more_features_than_samples():
    source = torch.Generator().manual_seed(0)
    real, fake = torch.randn(300, 600, generator=source), torch.randn(300, 600, generator=source) + 0.15
    assert c2st(real, fake).detected
    assert not c2st(real, torch.randn(300, 600, generator=source)).detected


def test_dead_features_and_few_samples():
    real, fake = gaussians(3.0, 1.0, 200, torch.Generator().manual_seed(0))
    with_dead = [torch.cat([side, torch.full((200, 3), 7.0).double()], 1) for side in (real, fake)]
    assert c2st(*with_dead).loss == pytest.approx(c2st(real, fake).loss, rel=1e-3)
    assert math.isnan(c2st(real[:10], fake[:10]).loss)


def test_the_same_seed_gives_the_same_reading():
    real, fake = gaussians(1.0, 1.0, 200, torch.Generator().manual_seed(0))
    assert c2st(real, fake, seed=3) == c2st(real, fake, seed=3)
    assert c2st(real, fake, seed=3) != c2st(real, fake, seed=4)


@pytest.mark.parametrize("p", [30, 200])
@pytest.mark.parametrize("strength", [0.1, 0.003])
def test_the_regression_is_the_one_of_scikit_learn(p, strength):
    source = torch.Generator().manual_seed(p)
    x = torch.randn(120, p, generator=source, dtype=torch.float64) * torch.logspace(-1, 0.5, p, dtype=torch.float64)
    x = x - x.mean(0)
    y = (x[:, -1] + x[:, -2] + torch.randn(120, generator=source).double() > 0.3).double()
    used = torch.stack([torch.ones(120), (torch.arange(120) % 3 > 0).float()]).double()
    *_, (_, weights) = fit(x, y, used, [1.0, strength])
    for number in range(2):
        rows = used[number] > 0
        reference = LogisticRegression(C=1 / (strength * int(rows.sum())), tol=1e-10, max_iter=10_000).fit(x[rows], y[rows])
        expected = torch.from_numpy(reference.decision_function(x))
        torch.testing.assert_close(x @ weights[number, :-1] + weights[number, -1], expected, rtol=0.01, atol=0.02)


def test_fast_enough_for_a_report_during_training():
    source = torch.Generator().manual_seed(0)
    real, fake = torch.randn(1000, 64, generator=source), torch.randn(1000, 64, generator=source) * 1.2
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        c2st(real, fake)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3  # 0.05 on a free core

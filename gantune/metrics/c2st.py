"""Classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545): can a fresh classifier tell the two sides apart?

The classifier is logistic regression on standardised [x, x²], so that it sees shifts of means and of variances; its L2 strength
comes from cross-validation within the training half, so that it cannot overfit its way to a large loss. The averaged BCE on the
other half reads ln 2 where the sides are alike, whatever loss a GAN was trained with, and ln 2 minus it bounds their
Jensen-Shannon divergence from below, in expectation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gantune.metrics.ridge import fit

FEWEST = 20  # samples a side
FOLDS = 5
STRENGTHS = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # L2 on mean BCE; 10 leaves next to nothing but ln 2
RESAMPLES = 1000


@dataclass(frozen=True)
class C2ST:
    """`loss`: averaged BCE on the test half, nats. `bound` = ln 2 - loss, signed; [low, high] its 95 % bootstrap interval."""

    loss: float
    bound: float
    low: float
    high: float
    strength: float  # of the L2 penalty, as chosen

    @property
    def detected(self) -> bool:
        """Whether the sides differ beyond what chance explains."""
        return self.low > 0


def c2st(real: Tensor, fake: Tensor, *, seed: int = 0) -> C2ST:
    """The test on features `real` (n, d) and `fake` (m, d), of which min(n, m) of each are used; NaN for fewer than 20 a side."""
    n = min(len(real), len(fake))
    if n < FEWEST:
        return C2ST(*[math.nan] * 5)
    source = torch.Generator().manual_seed(seed)
    sides = [side[torch.randperm(len(side), generator=source)[:n].to(side.device)].double().cpu() for side in (real, fake)]
    half = n // 2
    train, test = _standardised(torch.cat([side[:half] for side in sides]), torch.cat([side[half:] for side in sides]))
    is_real = torch.cat([torch.ones(half), torch.zeros(half)]).double()
    logits, strength = _predict(train, is_real, test)
    on_real, on_fake = F.softplus(-logits[: n - half]), F.softplus(logits[n - half :])
    loss = float((on_real.mean() + on_fake.mean()) / 2)
    draws = [side[torch.randint(n - half, (RESAMPLES, n - half), generator=source)].mean(1) for side in (on_real, on_fake)]
    bounds = math.log(2) - (draws[0] + draws[1]) / 2
    low, high = torch.quantile(bounds, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return C2ST(loss, math.log(2) - loss, low, high, strength)


def _standardised(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """[z, z²] with z the standardised x, the squares standardised in turn; scales come from `train` alone."""

    def scaled(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = train.mean(0), train.std(0, correction=0)
        factor = torch.where(std > 1e-9, 1 / std, 0)  # a feature that never varies says nothing
        return (train - mean) * factor, (test - mean) * factor

    z_train, z_test = scaled(train, test)
    squares_train, squares_test = scaled(z_train.square(), z_test.square())
    return torch.cat([z_train, squares_train], 1), torch.cat([z_test, squares_test], 1)


def _predict(train: Tensor, target: Tensor, test: Tensor) -> tuple[Tensor, float]:
    """Logits for `test` at the L2 strength that cross-validates best within `train` (2·half, p), and that strength."""
    folds = torch.arange(len(train) // 2).repeat(2) % FOLDS  # as many of either side in each; the sides are shuffled already
    used = torch.stack([*(folds != fold for fold in range(FOLDS)), torch.ones_like(folds, dtype=torch.bool)]).double()  # (folds + all, n)
    left_out = 1 - used[:FOLDS]
    best, chosen, worse = math.inf, (torch.zeros(train.shape[1] + 1, dtype=torch.float64), STRENGTHS[0]), 0
    columns = train.T.contiguous()
    for strength, weights in fit(train, target, used, STRENGTHS):
        logits = weights[:FOLDS, :-1] @ columns + weights[:FOLDS, -1:]
        losses = F.binary_cross_entropy_with_logits(logits, target.expand_as(logits), reduction="none")
        loss = float((losses * left_out).sum() / left_out.sum())
        if loss < best:
            best, chosen, worse = loss, (weights[FOLDS], strength), 0
        else:
            worse += 1
            if worse == 2:  # weaker penalties only overfit further
                break
    weights, strength = chosen
    return test @ weights[:-1] + weights[-1], strength

"""Fréchet distance between Gaussians fitted to features (FID: Heusel et al. 2017, arXiv:1706.08500, eq. 6)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean (d,) and covariance (d, d), with n - 1 in the denominator; float64."""

    mean: Tensor
    cov: Tensor


@dataclass(frozen=True, eq=False)
class RootedGaussian(Gaussian):
    """A Gaussian with the symmetric square root of its covariance: the side that many others are compared with."""

    root: Tensor


def gaussian(features: Tensor) -> Gaussian:
    """The Gaussian fitted to `features` (n, d), n at least 2."""
    x = features.double()
    mean = x.mean(0)
    x = x - mean
    return Gaussian(mean, x.T @ x / (len(x) - 1))


def rooted(side: Gaussian) -> RootedGaussian:
    """`side` with C^½, through one symmetric eigendecomposition."""
    values, vectors = torch.linalg.eigh(side.cov)
    return RootedGaussian(side.mean, side.cov, (vectors * values.clamp(min=0).sqrt()) @ vectors.T)


def frechet(real: RootedGaussian, fake: Gaussian) -> float:
    """‖μ₁−μ₂‖² + Tr(C₁ + C₂ − 2(C₁C₂)^½).

    C₁C₂ has the eigenvalues of the symmetric C₁^½ C₂ C₁^½, so the last trace is the sum of their roots: no general matrix root.
    """
    half = fake.cov @ real.root
    product = torch.zeros_like(half)
    for rows in torch.arange(len(half), device=half.device).tensor_split(4):  # eigvalsh reads the lower triangle alone
        if len(rows):
            product[rows, : rows[-1] + 1] = real.root[rows] @ half[:, : rows[-1] + 1]
    overlap = torch.linalg.eigvalsh(product).clamp(min=0).sqrt().sum()
    return _distance(real.mean - fake.mean, real.cov.trace() + fake.cov.trace(), overlap)


def frechet_to(real: RootedGaussian, fake: Tensor) -> float:
    """`frechet` to the Gaussian of the features `fake` (n, d); with few samples through an n × n matrix instead of d × d."""
    if len(fake) > fake.shape[1]:
        return frechet(real, gaussian(fake))
    mean, factor = _factor(fake)
    through = factor @ real.root  # (n, d); its singular values are those of C₂^½ C₁^½
    overlap = torch.linalg.eigvalsh(through @ through.T).clamp(min=0).sqrt().sum()
    return _distance(real.mean - mean, real.cov.trace() + factor.square().sum(), overlap)


def frechet_between(one: Tensor, other: Tensor) -> float:
    """The distance of two sets of features (n, d) and (m, d), by whichever route is the shortest for n, m and d."""
    few, many = sorted((one, other), key=len)
    if len(many) > many.shape[1]:
        return frechet_to(rooted(gaussian(many)), few)
    (mean_1, factor_1), (mean_2, factor_2) = _factor(few), _factor(many)
    overlap = torch.linalg.svdvals(factor_1 @ factor_2.T).sum()
    return _distance(mean_1 - mean_2, factor_1.square().sum() + factor_2.square().sum(), overlap)


def _distance(shift: Tensor, spread: Tensor, overlap: Tensor) -> float:
    """The squared distance from the means' difference (d,), the sum of both traces, and Tr (C₁C₂)^½; never below 0 by rounding alone."""
    squared = float(shift.square().sum() + spread - 2 * overlap)
    # A square. Near 0 it is the difference of nearly equal sums, in which each root of a vanishing eigenvalue is good to √ε of the
    # spread only: so much below 0 is rounding. More would be a mistake, and stays to be seen.
    noise = len(shift) * torch.finfo(shift.dtype).eps ** 0.5 * float(spread)
    return 0.0 if -noise < squared < 0 else squared


def _factor(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean, and F (n, d) with FᵀF the covariance."""
    x = features.double()
    mean = x.mean(0)
    return mean, (x - mean) / (len(x) - 1) ** 0.5

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
    product = real.root @ fake.cov @ real.root
    overlap = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    return float((real.mean - fake.mean).square().sum() + real.cov.trace() + fake.cov.trace() - 2 * overlap)

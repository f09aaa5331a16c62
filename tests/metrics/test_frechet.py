"""The Fréchet distance against scipy's matrix root, torch-fidelity and a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from gantune.metrics.frechet import Gaussian, RootedGaussian, frechet, frechet_between, frechet_to, gaussian, rooted


def features(n: int, d: int, seed: int) -> torch.Tensor:
    source = np.random.RandomState(seed)
    return torch.from_numpy(source.standard_normal((n, d)) @ (source.standard_normal((d, d)) / d**0.5) + source.uniform(-1, 1, d))


@pytest.mark.parametrize(("n", "d"), [(500, 2), (1000, 64), (400, 200)])
def test_equals_scipys_matrix_root(n, d):
    real, fake = features(n, d, 0), features(n, d, 1)
    mu, cov = zip(*[(side.numpy().mean(0), np.cov(side.numpy(), rowvar=False)) for side in (real, fake)], strict=True)
    expected = np.square(mu[0] - mu[1]).sum() + np.trace(cov[0] + cov[1] - 2 * sqrtm(cov[0] @ cov[1]).real)
    assert frechet(rooted(gaussian(real)), gaussian(fake)) == pytest.approx(expected, rel=1e-8)


def test_equals_torch_fidelity_also_with_fewer_samples_than_dimensions():
    real, fake = features(60, 100, 0), features(50, 100, 1)
    expected = fid_statistics_to_metric(fid_features_to_statistics(real), fid_features_to_statistics(fake), verbose=False)
    assert frechet(rooted(gaussian(real)), gaussian(fake)) == pytest.approx(expected["frechet_inception_distance"], rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(60, 50), (300, 50), (50, 300), (300, 200)])
def test_every_route_gives_the_same_distance(n, m):
    real, fake = features(n, 100, 0), features(m, 100, 1)
    direct = frechet(rooted(gaussian(real)), gaussian(fake))
    assert frechet_to(rooted(gaussian(real)), fake) == pytest.approx(direct, rel=1e-5)
    assert frechet_between(real, fake) == pytest.approx(direct, rel=1e-5)
    assert frechet_between(fake, real) == pytest.approx(direct, rel=1e-5)


def test_commuting_covariances_have_a_closed_form():
    a, b = torch.tensor([4.0, 9.0, 0.0]).double(), torch.tensor([1.0, 16.0, 25.0]).double()
    one, other = Gaussian(torch.zeros(3).double(), a.diag()), Gaussian(torch.tensor([1.0, 0.0, -2.0]).double(), b.diag())
    assert frechet(rooted(one), other) == pytest.approx(5 + (a.sqrt() - b.sqrt()).square().sum().item(), rel=1e-12)


def test_a_set_is_at_distance_zero_from_itself():
    side = gaussian(features(300, 50, 3))
    assert abs(frechet(rooted(side), side)) < 1e-9


@pytest.mark.parametrize(("n", "d"), [(300, 50), (20, 50)])
@pytest.mark.parametrize("seed", range(5))
def test_rounding_puts_no_set_nearer_to_itself_than_zero(n, d, seed):
    side = features(n, d, seed)
    for distance in (
        frechet(rooted(gaussian(side)), gaussian(side)),
        frechet_to(rooted(gaussian(side)), side),
        frechet_between(side, side),
    ):
        assert 0 <= distance < 1e-4


def test_what_no_rounding_explains_is_not_hidden():
    side = gaussian(features(300, 50, 3))
    too_large = RootedGaussian(side.mean, side.cov, 2 * rooted(side).root)
    assert frechet(too_large, side) < -1

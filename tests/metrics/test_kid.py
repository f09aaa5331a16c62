"""KID against torch-fidelity's on the same subsets."""

from __future__ import annotations

import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from gantune.metrics.kid import kid, mmd2


@pytest.mark.parametrize(("n", "m", "size"), [(300, 200, 100), (150, 150, 150)])
def test_equals_torch_fidelity(n, m, size):
    source = torch.Generator().manual_seed(0)
    one, other = torch.randn(n, 64, generator=source).double(), torch.randn(m, 64, generator=source).double() * 1.1 + 0.1
    theirs = kid_features_to_metric(one, other, kid_subsets=10, kid_subset_size=size, rng_seed=7, verbose=False)
    mean, std = kid(one, other, subsets=10, subset_size=size, seed=7)
    assert mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)
    assert std == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-6, abs=1e-12)


def test_is_unbiased():
    source = torch.Generator().manual_seed(1)
    values = torch.stack([mmd2(*torch.randn(2, 20, 8, generator=source, dtype=torch.float64)) for _ in range(400)])
    assert abs(values.mean()) < 3 * values.std() / 20

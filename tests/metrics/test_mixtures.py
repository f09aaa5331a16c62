"""Counting modes."""

from __future__ import annotations

import pytest
import torch

from gantune.data import open_dataset
from gantune.metrics.c2st import c2st
from gantune.metrics.mixtures import mode_features, mode_metrics


def test_counts_modes_and_the_share_near_them():
    modes = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    points = torch.tensor([[0.05, 0.0], [1.0, 0.29], [1.0, 0.31], [0.5, 0.5]])  # within, within, just outside, far
    assert mode_metrics(points, modes, 0.1) == {"modes": 2.0, "hq_share": 0.5}


def test_no_point_near_a_mode():
    assert mode_metrics(torch.full((5, 2), 9.0), torch.zeros(1, 2), 0.1) == {"modes": 0.0, "hq_share": 0.0}


@pytest.mark.parametrize("name", ["ring8", "grid25"])
def test_points_of_the_same_moments_but_outside_the_modes_are_told_apart(name):
    data = open_dataset(name)
    real = data.heldout[:1000]
    smooth = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0)) * real.std(0) + real.mean(0)
    sides = [mode_features(points, data.modes, data.mode_std) for points in (real, smooth, data.train[:1000])]
    assert c2st(sides[0], sides[1]).low > 0.3
    assert not c2st(sides[0], sides[2]).detected

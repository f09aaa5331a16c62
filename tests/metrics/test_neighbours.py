"""Precision and recall against torch-fidelity's; density and coverage against their definitions, spelt out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_prc import prc_features_to_metric

from gantune.metrics.neighbours import K_DENSITY, K_PRECISION, neighbour_metrics, radii


def sides(n: int = 250, m: int = 180) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return torch.randn(n, 6, generator=source), torch.randn(m, 6, generator=source) * 0.8 + 0.4


def measured(real: torch.Tensor, fake: torch.Tensor) -> dict[str, float]:
    return neighbour_metrics(real, fake, *radii(real, K_PRECISION, K_DENSITY))


def test_precision_and_recall_equal_torch_fidelity():
    real, fake = sides()
    theirs = prc_features_to_metric(fake, real, prc_neighborhood=3, verbose=False)
    ours = measured(real, fake)
    assert ours["precision"] == pytest.approx(theirs["precision"], abs=1e-7)
    assert ours["recall"] == pytest.approx(theirs["recall"], abs=1e-7)
    assert 0.1 < ours["recall"] < ours["precision"] < 1


def test_density_and_coverage_are_those_of_naeem():
    real, fake = sides(60, 40)
    x, y = real.double().numpy(), fake.double().numpy()
    density, covered = 0.0, np.zeros(len(x), bool)
    for i, centre in enumerate(x):
        radius = np.sort(np.linalg.norm(x - centre, axis=1))[5]
        inside = np.linalg.norm(y - centre, axis=1) < radius
        density += inside.sum() / (5 * len(y))
        covered[i] = inside.any()
    ours = measured(real, fake)
    assert ours["density"] == pytest.approx(density)
    assert ours["coverage"] == pytest.approx(covered.mean())


def test_a_collapsed_generator_has_precision_but_neither_recall_nor_coverage():
    real, _ = sides()
    collapsed = real[:1] + 1e-3 * torch.randn(200, 6, generator=torch.Generator().manual_seed(1))
    ours = measured(real, collapsed)
    assert ours["precision"] == 1
    assert ours["recall"] <= 0.01
    assert ours["coverage"] < 0.1


def test_few_samples_are_measured_too():
    real, fake = torch.tensor([[0.0, 0], [1, 0], [0, 1]]), torch.tensor([[0.1, 0.1], [9, 9]])
    assert measured(real, fake)["precision"] == 0.5

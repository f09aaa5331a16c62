"""Fidelity and variety apart, from balls around each sample that reach its k-th neighbour.

Precision and recall: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1-2. Density and coverage: Naeem et al. 2020,
arXiv:2002.09797, eq. 2-3.
"""

from __future__ import annotations

import torch
from torch import Tensor

K_PRECISION, K_DENSITY = 3, 5  # the papers' choices
ROWS_AT_ONCE = 4096


def radii(features: Tensor, *ks: int) -> list[Tensor]:
    """For each k, the distance (n,) of every sample to its k-th nearest other one; with fewer than k others, to the farthest."""
    most = min(max(ks), len(features) - 1)
    nearest = [torch.cdist(rows, features).topk(most + 1, largest=False).values for rows in torch.split(features, ROWS_AT_ONCE)]
    distances = torch.cat(nearest)  # (n, most + 1), the sample itself first
    return [distances[:, min(k, most)] for k in ks]


def neighbour_metrics(real: Tensor, fake: Tensor, real_radii: Tensor, real_radii_wide: Tensor) -> dict[str, float]:
    """precision, recall, density and coverage of `fake` (m, d) against `real` (n, d), whose radii for both k are given.

    precision: share of fakes inside some real ball. recall: share of reals inside some fake ball. density: how many real balls
    hold a fake, over k, on average. coverage: share of real balls that hold a fake.
    """
    distances = torch.cat([torch.cdist(rows, fake) for rows in torch.split(real, ROWS_AT_ONCE)])  # (n, m)
    (fake_radii,) = radii(fake, K_PRECISION)
    k = min(K_DENSITY, len(real) - 1)
    inside = distances < real_radii_wide[:, None]
    return {
        "precision": _share((distances <= real_radii[:, None]).any(0)),
        "recall": _share((distances <= fake_radii).any(1)),
        "density": float(inside.double().sum(0).mean() / k),
        "coverage": _share(inside.any(1)),
    }


def _share(hits: Tensor) -> float:
    return float(hits.double().mean())

"""Signals of the training steps, summed on the device and read once a report."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Meter:
    """Means of a row of scalars over the steps since the last reading; every step brings the same names."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.names: tuple[str, ...] = ()
        self.total = torch.zeros(0, device=device, dtype=torch.float64)
        self.count = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """One step's scalars; nothing leaves the device."""
        if self.count == 0:
            self.names = tuple(values)
            self.total = torch.zeros(len(values), device=self.device, dtype=torch.float64)
        self.total += torch.stack([value.detach().float() for value in values.values()])
        self.count += 1

    def read(self) -> dict[str, float]:
        """Means by name (empty when there was no step), and start anew."""
        means = dict(zip(self.names, (self.total / self.count).tolist(), strict=True)) if self.count else {}
        self.count = 0
        return means


def verdicts_of_d(real: Tensor, fake: Tensor, decision: float | None) -> dict[str, Tensor]:
    """D's accuracy on real and on fake, mean real minus mean fake output, and the std of all its outputs.

    `decision` is the output above which D calls an example real; None takes the midpoint of the two means.
    """
    real, fake = real.detach().float().flatten(), fake.detach().float().flatten()
    mean_real, mean_fake = real.mean(), fake.mean()
    threshold = (mean_real + mean_fake) / 2 if decision is None else decision
    right_real, right_fake = (real > threshold).float().mean(), (fake < threshold).float().mean()
    return {
        "d_acc_real": right_real,
        "d_acc_fake": right_fake,
        "logit_spread": mean_real - mean_fake,
        "logit_std": torch.cat([real, fake]).std(),
    }

"""What scores documents: a function of each document's features alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Scorer(nn.Module):
    """Documents (..., F) of any number → scores (...): linear, or with one hidden layer of tanh units as in the authors' code."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.net: nn.Module = nn.Linear(features, 1)
        if hidden:
            self.net = nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, documents: Tensor) -> Tensor:
        scores: Tensor = self.net(documents)
        return torch.squeeze(scores, -1)

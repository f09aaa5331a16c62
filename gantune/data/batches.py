"""Batches of an endless stream, addressed by their number: no loader, no state, exact resume."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gantune.data.dataset import to_unit


@dataclass(frozen=True)
class Batch:
    """Real examples: `x` (N, C, H, W) in [-1, 1] or (N, 2) points; `y` (N,) labels where the data has them."""

    x: Tensor
    y: Tensor | None = None


class Batches:
    """`Batches(data, batch=64, seed=0)(i)` is batch number `i`, always the same.

    Each epoch is a fresh permutation drawn from (seed, epoch) alone, its incomplete last batch left out. Data smaller than a
    batch wraps around with a fresh permutation each time. Batches come on `device` (left out, the data's), to which their rows
    travel as they are stored: bytes are a quarter of the floats that they become there.
    """

    def __init__(self, data: Tensor, batch: int, seed: int, labels: Tensor | None = None, device: torch.device | None = None) -> None:
        assert len(data) > 0, "no examples to draw from"
        assert batch > 0, "a batch holds an example or more"
        self.data, self.batch, self.seed = data, batch, seed
        self.device = data.device if device is None else device
        self.labels = None if labels is None else labels.to(data.device)
        self.per_epoch = len(data) // batch
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def __call__(self, index: int) -> Batch:
        """Batch number `index`, counted from 0."""
        if self.per_epoch:
            epoch, place = divmod(index, self.per_epoch)
            rows = self._permutation(epoch)[place * self.batch : (place + 1) * self.batch]
        else:
            rounds = -(-self.batch // len(self.data))
            rows = torch.cat([self._permutation(index * rounds + turn) for turn in range(rounds)])[: self.batch]
        x, y = self.data.index_select(0, rows), None if self.labels is None else self.labels.index_select(0, rows)
        return Batch(to_unit(x.to(self.device)), None if y is None else y.to(self.device))

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            source = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            self._order = torch.randperm(len(self.data), generator=source).to(self.data.device)
            self._epoch = epoch
        return self._order

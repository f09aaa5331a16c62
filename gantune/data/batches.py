"""Batches of an endless stream, addressed by their number: no loader, no state, exact resume."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gantune.data.dataset import Dataset, to_unit

STRANGERS = 500_009  # the epochs of an unpaired other domain are shuffled apart from those of the examples


@dataclass(frozen=True)
class Batch:
    """Real examples and what belongs to them."""

    x: Tensor  # (N, C, H, W) in [-1, 1], (N, 2) points, or (N, M, F) documents of N queries
    y: Tensor | None = None  # (N,) classes, (N, A) attributes, or (N, M) relevance, where the data has them
    source: Tensor | None = None  # (N, C', H', W') in [-1, 1]: pictures of the other domain; each x's own partner where they are paired

    def __len__(self) -> int:
        return len(self.x)


class Batches:
    """`Batches(dataset, batch=64, seed=0, device=cpu)(i)` is batch number `i` of its training split, always the same.

    Each epoch is a fresh permutation drawn from (seed, epoch) alone, its incomplete last batch left out. Data smaller than a
    batch wraps around with a fresh permutation each time. Examples are kept on `device` where that leaves it half of its free
    memory; else batches travel as they are stored: bytes are a quarter of the floats that they become there.
    """

    def __init__(self, dataset: Dataset, batch: int, seed: int, device: torch.device) -> None:
        self.device = device
        place = device if _fits(dataset, device) else torch.device("cpu")
        self._examples = _Stream(dataset.train.to(place), batch, seed)
        self._labels = None if dataset.labels is None else dataset.labels.to(place)
        self._partners = dataset.source.to(place) if dataset.source is not None and dataset.paired else None
        strangers = dataset.source is not None and not dataset.paired
        self._strangers = _Stream(dataset.source.to(place), batch, seed + STRANGERS) if dataset.source is not None and strangers else None

    @property
    def per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return self._examples.per_epoch

    def __call__(self, index: int) -> Batch:
        """Batch number `index`, counted from 0."""
        rows = self._examples.rows(index)
        source = None
        if self._partners is not None:
            source = self._taken(self._partners, rows)
        elif self._strangers is not None:
            source = self._taken(self._strangers.data, self._strangers.rows(index))
        labels = None if self._labels is None else self._labels.index_select(0, rows).to(self.device)
        return Batch(self._taken(self._examples.data, rows), labels, source)

    def _taken(self, data: Tensor, rows: Tensor) -> Tensor:
        return to_unit(data.index_select(0, rows).to(self.device))


class _Stream:
    """Row numbers of one tensor, batch by batch."""

    def __init__(self, data: Tensor, batch: int, seed: int) -> None:
        assert len(data) > 0, "no examples to draw from"
        assert batch > 0, "a batch holds an example or more"
        self.data, self.batch, self.seed = data, batch, seed
        self.per_epoch = len(data) // batch
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def rows(self, index: int) -> Tensor:
        if self.per_epoch:
            epoch, place = divmod(index, self.per_epoch)
            return self._permutation(epoch)[place * self.batch : (place + 1) * self.batch]
        rounds = -(-self.batch // len(self.data))
        return torch.cat([self._permutation(index * rounds + turn) for turn in range(rounds)])[: self.batch]

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            source = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            self._order = torch.randperm(len(self.data), generator=source).to(self.data.device)
            self._epoch = epoch
        return self._order


def _fits(dataset: Dataset, device: torch.device) -> bool:
    """Whether the training split leaves `device` half of its free memory."""
    if device.type != "cuda":
        return True
    parts = [part for part in (dataset.train, dataset.source) if part is not None]
    needed = sum(part.numel() * part.element_size() for part in parts)
    return bool(needed <= torch.cuda.mem_get_info(device)[0] / 2)

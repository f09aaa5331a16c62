"""Whether samples are training images: the nearest ones of each, and how near held-out images lie by the same measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from gantune.data import to_unit
from gantune.errors import UserError
from gantune.metrics import MetricSettings
from gantune.metrics.extractors import choose, open_extractor
from gantune.probes.opened import Opened

QUANTILE = 0.01
AT_ONCE = 2000  # training images


@dataclass(frozen=True)
class Space:
    """Nearest training images by one distance (Euclidean, between pixels or between features)."""

    name: str
    rows: Tensor  # (n, k) int64 into the training split, the nearest first
    distances: Tensor  # (n, k)
    heldout: Tensor  # (m,) of real examples that were not trained on, to their nearest training image

    @property
    def nearer(self) -> float:
        """The chance that a sample lies nearer to the training images than a held-out example does; ties count half.

        One half says nothing is copied; near 1, samples are copies. Samples of poor quality lie far from all data and read low, so that
        0.2 does not prove the contrary. (The rank statistic behind Meehan et al. 2020, arXiv:2004.05675.)
        """
        nearest = self.distances[:, 0:1]
        return float((nearest < self.heldout).double().mean() + 0.5 * (nearest == self.heldout).double().mean())

    @property
    def copies(self) -> Tensor:
        """(n,) whether a sample lies nearer to its training image than all but one in a hundred held-out examples."""
        return self.distances[:, 0] < torch.quantile(self.heldout, QUANTILE)


@dataclass(frozen=True)
class Neighbours:
    """`samples` (n, C, H, W) in [-1, 1] as they were measured, with their neighbours in pixels and in features."""

    samples: Tensor
    train: Tensor  # stored, as the data set has them
    spaces: tuple[Space, Space]


def neighbours(opened: Opened, *, n: int = 256, k: int = 5, seed: int = 0, metrics: Mapping[str, Any] = MappingProxyType({})) -> Neighbours:
    """The `k` nearest training images of `n` samples, by the extractor of `metrics` (fields of MetricSettings).

    `UserError` for families or data without pictures.
    """
    trainer = opened.trainer()
    data, settings = trainer.dataset, MetricSettings(**metrics)
    if not data.form.is_image or opened.config.family.needs == "queries":
        raise UserError(f"neighbours: {opened.config.data} holds no pictures; this probe compares pictures.")
    given = trainer.sample(n, seed, "score")
    stored = ((given.x.clamp(-1, 1) + 1) * 127.5).round().byte()
    extractor = open_extractor(choose(settings.extractor, opened.config.data, data.shape), data.shape, opened.device, settings.weights)

    def pixels(images: Tensor) -> Tensor:
        return to_unit(images.to(opened.device)).flatten(1).float()

    def of_features(images: Tensor) -> Tensor:
        return extractor(images, opened.device)[0]

    spaces = [
        _space(name, read(stored), partial(_part, read, data.train), len(data.train), read(data.heldout), k)
        for name, read in (("pixels", pixels), (f"features of {extractor.name}", of_features))
    ]
    return Neighbours(given.x.cpu(), data.train, (spaces[0], spaces[1]))


def _part(read: Callable[[Tensor], Tensor], images: Tensor, rows: slice) -> Tensor:
    return read(images[rows])


def _space(name: str, samples: Tensor, train: Callable[[slice], Tensor], rows: int, heldout: Tensor, k: int) -> Space:
    """`train(slice)` gives that part of the training images as points; never all of them at once."""
    nearest = torch.full((len(samples), k), float("inf"), device=samples.device)
    found = torch.zeros(len(samples), k, dtype=torch.int64, device=samples.device)
    held = torch.full((len(heldout),), float("inf"), device=heldout.device)
    for start in range(0, rows, AT_ONCE):
        part = train(slice(start, start + AT_ONCE))
        distances = torch.cat([nearest, torch.cdist(samples, part)], 1)
        numbers = torch.cat([found, torch.arange(start, start + len(part), device=found.device).expand(len(samples), -1)], 1)
        nearest, place = distances.topk(k, largest=False)
        found = numbers.gather(1, place)
        held = torch.minimum(held, torch.cdist(heldout, part).amin(1))
    return Space(name, found.cpu(), nearest.cpu(), held.cpu())

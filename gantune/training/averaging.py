"""The generator's exponential weight average, and the batch-norm statistics that belong to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class WeightAverage:
    """An exponential moving average of a net's weights with a half-life in kimg (as in Karras et al. 2018)."""

    def __init__(self, net: nn.Module, half_life_kimg: float) -> None:
        self.net = copy.deepcopy(net).requires_grad_(False)
        self.half_life = half_life_kimg

    @torch.no_grad()
    def update(self, net: nn.Module, kimg: float) -> None:
        """Move towards `net` by what `kimg` of training since the last call are worth."""
        weight = 1 - 0.5 ** (kimg / self.half_life)
        averages: list[Tensor] = list(self.net.parameters())
        current: list[Tensor] = list(net.parameters())
        torch._foreach_lerp_(averages, current, weight)
        for average, buffer in zip(self.net.buffers(), net.buffers(), strict=True):
            average.copy_(buffer)


@contextmanager
def recalibrating(net: nn.Module) -> Iterator[None]:
    """Batch-norm statistics of `net` become plain averages over what is sent through it inside; all else is in evaluation mode.

    The statistics a net gathered with other weights do not belong to its averaged weights.
    """
    layers = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    net.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # torch's way of asking for a cumulative average
        layer.train()  # these alone: dropout would draw from the process's generator
    with torch.no_grad():
        yield
    net.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum

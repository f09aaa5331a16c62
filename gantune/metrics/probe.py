"""A linear probe (Alain & Bengio 2016, arXiv:1610.01644): what features say of the labels of the data, learnt from real examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gantune.data.cache import cached
from gantune.data.tensorfile import write
from gantune.metrics.real_side import key_of

VERSION = "1"  # raised whenever another probe is fitted to the same features
STRENGTH = 1e-2  # L2 on the mean loss, in units of standardised features
STEPS = 200


@dataclass(frozen=True)
class Probe:
    """`probe(features)`: logits (n, classes), or (n, attributes), of features (n, d)."""

    mean: Tensor  # (d,)
    factor: Tensor  # (d,) 1 / std
    weight: Tensor  # (d, K)
    bias: Tensor  # (K,)

    def __call__(self, features: Tensor) -> Tensor:
        return (features.float() - self.mean) * self.factor @ self.weight + self.bias


def fit_probe(features: Tensor, labels: Tensor, width: int) -> Probe:
    """Logistic regression on standardised features (n, d): multinomial for classes (n,) below `width`, one each for attributes (n, width).

    Either side of an attribute weighs the same however rare it is, so that the probe does not call everything the commoner one.
    """
    x = features.float()
    mean, std = x.mean(0), x.std(0, correction=0)
    factor = torch.where(std > 1e-9, 1 / std, 0)  # a feature that never varies says nothing
    x, y = (x - mean) * factor, labels.to(x.device)
    weight, bias = (torch.zeros(size, device=x.device, requires_grad=True) for size in ((x.shape[1], width), (width,)))
    balance = None if y.ndim == 1 else _balance(y)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=STEPS, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimiser.zero_grad()
        logits = x @ weight + bias
        error = F.cross_entropy(logits, y) if balance is None else F.binary_cross_entropy_with_logits(logits, y.float(), balance) * width
        loss = error + STRENGTH / 2 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(objective)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return Probe(mean, factor, weight.detach(), bias.detach())


def open_probe(features: Tensor, labels: Tensor, width: int, about: Mapping[str, str], cache: Path) -> Probe:
    """`fit_probe`, or what is kept in the cache for everything that `about` says."""
    about = {**about, "version": VERSION}

    def build(path: Path) -> None:
        probe = fit_probe(features, labels, width)
        write(path, {name: value.cpu().numpy() for name, value in vars(probe).items()}, about)

    arrays, _ = cached(cache / "probe" / f"{key_of(about)}.safetensors", build, about)
    return Probe(**{name: torch.from_numpy(value).to(features.device) for name, value in arrays.items()})


def _balance(y: Tensor) -> Tensor:
    """(n, A) weights that give half to the examples with an attribute and half to those without; 0 where all are alike."""
    share = y.float().mean(0)
    return torch.where(y > 0, 0.5 / share, 0.5 / (1 - share)) * ((share > 0) & (share < 1))

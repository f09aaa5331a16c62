"""Differentiable augmentation of D's inputs, real and generated alike (Zhao et al. 2020, arXiv:2006.10738), for small data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

POLICIES = ("color", "translation", "cutout")
CHOICES = ("none", *POLICIES, "all")
SHIFT, HOLE = 1 / 8, 1 / 2  # shares of the picture's side


def policies(name: str) -> tuple[str, ...]:
    """The policies that a choice stands for."""
    return () if name == "none" else POLICIES if name == "all" else (name,)


def augmented(x: Tensor, chosen: Sequence[str], source: torch.Generator) -> Tensor:
    """Images (N, C, H, W) in [-1, 1], each changed by its own draws from `source`; differentiable in x."""
    for policy in chosen:
        x = {"color": _color, "translation": _translation, "cutout": _cutout}[policy](x, source)
    return x


def _color(x: Tensor, source: torch.Generator) -> Tensor:
    """Brightness shifted by up to a half, saturation and contrast scaled by up to 2 and from ½ on."""
    brightness, saturation, contrast = torch.rand(3, len(x), 1, 1, 1, generator=source, device=x.device).unbind()
    x = x + brightness - 0.5
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * saturation * 2
    level = x.mean((1, 2, 3), keepdim=True)
    return level + (x - level) * (contrast + 0.5)


def _translation(x: Tensor, source: torch.Generator) -> Tensor:
    """Moved by up to an eighth of the side; what comes in from outside is 0."""
    n, _, height, width = x.shape
    reach = max(1, round(SHIFT * min(height, width)))
    down, right = torch.randint(0, 2 * reach + 1, (2, n), generator=source, device=x.device)
    padded = F.pad(x, (reach, reach, reach, reach))
    rows = down[:, None] + torch.arange(height, device=x.device)
    columns = right[:, None] + torch.arange(width, device=x.device)
    each = torch.arange(n, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(x: Tensor, source: torch.Generator) -> Tensor:
    """A square of half the side is set to 0, its centre anywhere."""
    n, _, height, width = x.shape
    centre = torch.rand(2, n, 1, 1, generator=source, device=x.device)
    rows = torch.arange(height, device=x.device).view(1, -1, 1)
    columns = torch.arange(width, device=x.device).view(1, 1, -1)
    inside = ((rows - centre[0] * height).abs() < HOLE * height / 2) & ((columns - centre[1] * width).abs() < HOLE * width / 2)
    return x * ~inside[:, None]

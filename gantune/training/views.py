"""How a step sees a player: its arithmetic, and for D the noise on its inputs. The player itself stays as it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class View(nn.Module):
    """A player called in bf16 where asked, its outputs in float32; noise of std `sigma` is added to its first input."""

    def __init__(self, player: nn.Module, bf16: bool, noise: torch.Generator | None = None, sigma: float = 0.0) -> None:
        super().__init__()
        self.player = player
        self.bf16 = bf16
        self.noise = noise
        self.sigma = sigma

    def forward(self, x: Tensor, *more: Any) -> Any:
        if self.noise is not None and self.sigma > 0:
            x = x + self.sigma * torch.randn(x.shape, generator=self.noise, device=x.device)
        if not self.bf16:
            return self.player(x, *more)
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return self.player(x, *more).float()

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("player"), name)

"""How a step sees a player: its arithmetic, and for D the noise and the augmentation of its inputs. The player itself stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gantune.training.augment import augmented


class View(nn.Module):
    """A player called in bf16 where asked, its outputs in float32; noise of std `sigma` is added to its first input, after `policies`
    of augmentation. Both draw from `source`. It is in the mode, training or evaluation, that the player was in when it was made."""

    def __init__(
        self, player: nn.Module, bf16: bool, source: torch.Generator | None = None, sigma: float = 0.0, policies: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.training = player.training
        self.player = player
        self.bf16 = bf16
        self.source = source
        self.sigma = sigma
        self.policies = policies

    def forward(self, x: Tensor, *more: Any, **how: Any) -> Any:
        if self.source is not None and self.policies:
            x = augmented(x, self.policies, self.source)
        if self.source is not None and self.sigma > 0:
            x = x + self.sigma * torch.randn(x.shape, generator=self.source, device=x.device)
        if not self.bf16:
            return self.player(x, *more, **how)
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return _as_float(self.player(x, *more, **how))

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("player"), name)


def _as_float(outputs: Any) -> Any:
    return tuple(_as_float(part) for part in outputs) if isinstance(outputs, tuple) else outputs.float()

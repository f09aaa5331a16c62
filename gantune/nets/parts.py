"""A player made of several nets: InfoGAN's D and Q, BiGAN's G and E, the two directions of CycleGAN."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Parts(nn.ModuleDict):
    """`player(x, part="encoder")` calls one net of the player; without `part`, the first. So every call of any net passes through
    whatever is wrapped around the player: noise on D's inputs, reduced precision."""

    def forward(self, x: Tensor, *more: Any, part: str | None = None) -> Any:
        net = self[part] if part is not None else next(iter(self.values()))
        return net(x, *more)

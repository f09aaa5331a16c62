"""The image pool: D sees some generated pictures of earlier steps (Shrivastava et al. 2016, arXiv:1612.07828, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor


def exchange(pool: Tensor, filled: Tensor, fake: Tensor, coin: Tensor, slot: Tensor) -> tuple[Tensor, Tensor]:
    """What D is shown in place of `fake` (N, C, H, W), and the pool (P, C, H, W) afterwards, of which `filled` () places were in use.

    While there are free places, a picture takes the next one and is shown itself. Then, where its `coin` (N,) in [0, 1] falls below
    ½, the pool's picture at its `slot` (N,) is shown and it takes that place; a `slot` of −1 leaves it as it is. No two slots of a batch
    are equal, so that all can change places at once. Nothing is read back from the device.
    """
    size = len(pool)
    place = filled + torch.arange(len(fake), device=fake.device)
    enters = place < size
    swaps = ~enters & (coin < 0.5) & (slot >= 0) & (slot < filled)
    old = pool.index_select(0, slot.clamp_min(0))
    shown = torch.where(_each(swaps), old, fake)
    target = torch.where(enters, place, slot)
    takes = (target == torch.arange(size, device=fake.device)[:, None]) & (enters | swaps)  # (P, N)
    incoming = fake.index_select(0, takes.byte().argmax(1))
    return shown, torch.where(_each(takes.any(1)), incoming, pool)


def slots(n: int, size: int, generator: torch.Generator) -> Tensor:
    """(n,) places of a pool of `size`, no two equal; −1 for those beyond it."""
    order = torch.randperm(size, generator=generator, device=generator.device)[:n]
    return torch.nn.functional.pad(order, (0, n - len(order)), value=-1)


def _each(mask: Tensor) -> Tensor:
    return mask.view(-1, 1, 1, 1)

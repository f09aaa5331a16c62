"""Shares of a GPU: which ones fit side by side, and what a trial that did not fit in its share takes next."""

from __future__ import annotations

import math
from collections.abc import Iterable

LADDER = (1 / 8, 1 / 4, 1 / 2, 1.0)
MOST = 8  # trials on one GPU
RESOLUTION = 10_000  # in which Ray counts: rounded up, six sixths would be more than a GPU
FULL = 0.9  # of a card's memory; what is left is for neighbours that grow at the same time


def larger(share: float) -> float | None:
    """The next larger share; None from a whole GPU on."""
    return next((step for step in LADDER if step > share + 1e-6), None)


def fit(shares: Iterable[float], gpus: float) -> bool:
    """Whether trials with these shares find room on so many GPUs at once. A share below 1 lies on one GPU; large ones are placed first."""
    wanted = sorted(shares, reverse=True)
    left = [1.0] * int(min(gpus, sum(map(math.ceil, wanted))))
    for share in wanted:
        if share >= 1:
            whole = [at for at, room in enumerate(left) if room == 1.0][: math.ceil(share)]
            if len(whole) < math.ceil(share):
                return False
            for at in whole:
                left[at] = 0.0
        elif share > 0:
            place = next((at for at, room in enumerate(left) if room >= share - 1e-6), None)
            if place is None:
                return False
            left[place] -= share
    return True


def share_for(used: float, total: float, most: int) -> float:
    """1/n for the largest n, at most `most` and 8, such that n times `used` bytes fit in 90 % of `total`; 1 when not even one does."""
    fits = int(FULL * total // used) if used > 0 else MOST
    return RESOLUTION // max(1, min(fits, most, MOST)) / RESOLUTION


def words(share: float) -> str:
    """`a whole GPU`, `1/4 of a GPU`."""
    if share >= 1:
        return "a whole GPU" if share == 1 else f"{share:g} GPUs"
    return f"1/{round(1 / share)} of a GPU" if abs(1 / share - round(1 / share)) < 0.01 else f"{share:g} of a GPU"

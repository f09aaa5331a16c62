"""Random numbers that depend on a run's seed and on nothing else in the process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def derive(seed: int, *purpose: str | int) -> int:
    """A seed of its own for each purpose: derive(0, "init"), derive(0, "score", 3)."""
    text = ":".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def generator(device: torch.device, seed: int, *purpose: str | int) -> torch.Generator:
    """A torch generator on `device`, seeded for `purpose`."""
    return torch.Generator(device).manual_seed(derive(seed, *purpose))


@contextmanager
def initialisation(seed: int) -> Iterator[None]:
    """Draws of the global generator inside depend on `seed` alone and leave no trace outside."""
    with torch.random.fork_rng(devices=[]):  # networks are made on the CPU
        torch.manual_seed(derive(seed, "init"))
        yield


class GlobalDraws:
    """A run's own stream for layers that draw from the global generator (dropout), swapped in around each step.

    Without such layers it does nothing and costs nothing.
    """

    def __init__(self, nets: list[nn.Module], device: torch.device, seed: int) -> None:
        self.device = device
        self.used = any(isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0 for net in nets for module in net.modules())
        self.state: Tensor = torch.Generator(device).manual_seed(derive(seed, "dropout")).get_state()

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """The run's stream is the global one inside."""
        if not self.used:
            yield
            return
        outside = self._get()
        self._set(self.state)
        try:
            yield
        finally:
            self.state = self._get()
            self._set(outside)

    def _get(self) -> Tensor:
        return torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else torch.get_rng_state()

    def _set(self, state: Tensor) -> None:
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state, self.device)
        else:
            torch.set_rng_state(state)

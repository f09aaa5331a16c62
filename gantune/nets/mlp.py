"""Fully connected players."""

from __future__ import annotations

import itertools
import math

from torch import Tensor, nn

from gantune.nets.norms import flat_norm


class MLPGenerator(nn.Module):
    """z (N, latent_dim) → (N, *shape); tanh at the output of images unless it is not `bounded`, none for points."""

    def __init__(
        self, latent_dim: int, hidden: int, layers: int, shape: tuple[int, ...], g_norm: str = "none", bounded: bool = True
    ) -> None:
        super().__init__()
        self.shape = shape
        widths = [latent_dim, *[hidden] * layers]
        stack: list[nn.Module] = []
        for fan_in, fan_out in itertools.pairwise(widths):
            stack += [nn.Linear(fan_in, fan_out), *flat_norm(g_norm, fan_out), nn.ReLU(inplace=True)]
        stack.append(nn.Linear(hidden, math.prod(shape)))
        if len(shape) == 3 and bounded:
            stack.append(nn.Tanh())
        self.net = nn.Sequential(*stack)

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.net(z)
        return out.view(len(z), *self.shape)


class MLPTrunk(nn.Module):
    """x (N, ...) of `inputs` numbers → (N, hidden); LeakyReLU 0.2, dropout after each hidden layer."""

    def __init__(self, hidden: int, layers: int, inputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        stack: list[nn.Module] = [nn.Flatten()]
        for fan_in, fan_out in itertools.pairwise([inputs, *[hidden] * layers]):
            stack += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(0.2, inplace=True)]
            if dropout > 0:
                stack.append(nn.Dropout(dropout))
        self.net = nn.Sequential(*stack)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class MLPDiscriminator(nn.Module):
    """x (N, *shape) → logit (N,)."""

    def __init__(self, hidden: int, layers: int, shape: tuple[int, ...], dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = MLPTrunk(hidden, layers, math.prod(shape), dropout)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.trunk(x))
        return out.squeeze(1)

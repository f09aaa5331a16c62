"""The digit classifier whose penultimate layer FID on MNIST-like data is measured in; small enough to ship with its weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from gantune.data.tensorfile import read

WEIGHTS = Path(__file__).parent / "weights" / "mnist_cnn.safetensors"
SIZE = 32
WIDTH = 64


class MnistCNN(nn.Module):
    """Three convolutions and two linear layers over (N, 1, 32, 32) in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(1, 16),  # (N, 16, 16, 16)
            *_block(16, 32),  # (N, 32, 8, 8)
            *_block(32, 64),  # (N, 64, 4, 4)
            nn.Flatten(),
            nn.Linear(64 * 4 * 4, WIDTH),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(0.3), nn.Linear(WIDTH, 10))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 64), taken before the rectifier, and class logits (N, 10)."""
        features = self.body(x)
        return features, self.head(features)


def load(path: Path = WEIGHTS) -> tuple[MnistCNN, str]:
    """The trained network in evaluation mode, and the SHA-256 of its weights file."""
    arrays, _ = read(path)
    net = MnistCNN()
    weights = {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
    net.load_state_dict(net.state_dict() | weights)  # the counters of batch norm are not shipped
    return net.eval().requires_grad_(False), hashlib.sha256(path.read_bytes()).hexdigest()


def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)

"""Any family of pictures runs on any size and number of channels that its networks can reach."""

from __future__ import annotations

import math

import pytest
import torch
from toys import CASES, SMALL

from gantune.config import Config, declared_params
from gantune.data import Dataset
from gantune.families import open_family
from gantune.training.trainer import Trainer

FAMILIES = sorted({name for name, kind in CASES if kind == "images"})


@pytest.mark.parametrize(("channels", "size"), [(1, 32), (3, 32), (3, 64), (1, 128)])
@pytest.mark.parametrize("name", FAMILIES)
def test_one_cycle_at_every_size(name: str, channels: int, size: int) -> None:
    pixels = torch.randint(0, 256, (12, channels, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(12) % 3
    data = Dataset("noise", (channels, size, size), pixels[:8], pixels[8:], "noise", labels[:8], labels[8:])
    family = open_family(name)
    small = {key: value for key, value in (SMALL | {"features": 2}).items() if key in declared_params(family)}
    trainer = Trainer(Config.of(family, "noise", {**small, "batch": 4, "k": 1}), data, torch.device("cpu"))
    trainer.train_to(0.004)
    sample = trainer.sample(2, 0).x
    assert sample.shape == (2, channels, size, size)
    assert math.isfinite(trainer.signals()["d_loss"])
    assert float(sample.abs().max()) <= 1

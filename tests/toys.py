"""Small data and small networks, so that training tests take a second."""

from __future__ import annotations

import functools

import torch

from gantune.config import Config
from gantune.data import Dataset
from gantune.families import open_family

SMALL = {
    "gan": {"hidden": 32, "layers": 1, "latent_dim": 4},
    "dcgan": {"features": 4, "latent_dim": 8},
    "wgan_gp": {"features": 4, "hidden": 32, "layers": 1, "latent_dim": 4},
}


@functools.cache
def dataset_for(kind: str) -> Dataset:
    """`points`: two Gaussians in the plane; `images`: bright squares at two places on 16 × 16 pixels."""
    source = torch.Generator().manual_seed(7)
    side = torch.randint(2, (600,), generator=source)
    if kind == "points":
        examples = 0.1 * torch.randn(600, 2, generator=source) + torch.where(side[:, None] == 0, -0.5, 0.5)
        shape: tuple[int, ...] = (2,)
    else:
        pixels = torch.randint(0, 40, (600, 1, 16, 16), generator=source, dtype=torch.uint8)
        pixels[side == 0, :, 2:8, 2:8] = 230
        pixels[side == 1, :, 8:14, 8:14] = 230
        examples, shape = pixels, (1, 16, 16)
    return Dataset(
        name=f"toy-{kind}",
        shape=shape,
        train=examples[:500],
        heldout=examples[500:],
        labels=side[:500],
        heldout_labels=side[500:],
        modes=None,
        mode_std=None,
        fingerprint=f"toy-{kind}",
    )


def toy_config(name: str, kind: str, **values: object) -> Config:
    """The family at toy size, batch 20."""
    return Config.of(open_family(name), f"toy-{kind}", {**SMALL[name], "batch": 20, **values})

"""Small data and small networks, so that training tests take a second."""

from __future__ import annotations

import functools
from typing import Any

import torch

from gantune.config import Config, declared_params
from gantune.data import Dataset
from gantune.errors import UserError
from gantune.families import family_names, open_family

SMALL = {"features": 4, "hidden": 32, "layers": 1, "latent_dim": 4, "blocks": 1, "patch_layers": 1}
KINDS = ("points", "images", "pairs", "domains", "queries")


@functools.cache
def dataset_for(kind: str) -> Dataset:
    """`points`: two Gaussians in the plane. `images`: bright squares at two places on 16 × 16 pixels, labelled. `pairs`: their
    negatives as partners. `domains`: their colour twins in another order. `queries`: eight documents each, a third of them relevant."""
    source = torch.Generator().manual_seed(7)
    side = torch.randint(2, (600,), generator=source)
    if kind == "points":
        return _dataset(kind, 0.1 * torch.randn(600, 2, generator=source) + torch.where(side[:, None] == 0, -0.5, 0.5), side)
    if kind == "queries":
        relevance = (torch.rand(600, 8, generator=source) < 1 / 3).long()
        relevance[:, 0] = 1
        return _dataset(kind, torch.randn(600, 8, 5, generator=source) + relevance[..., None], relevance)
    pixels = torch.randint(0, 40, (600, 1, 16, 16), generator=source, dtype=torch.uint8)
    pixels[side == 0, :, 2:8, 2:8] = 230
    pixels[side == 1, :, 8:14, 8:14] = 230
    if kind == "images":
        return _dataset(kind, pixels, side)
    if kind == "pairs":
        return _dataset(kind, pixels, None, 255 - pixels, paired=True)
    twins = torch.cat([pixels, pixels // 2, 255 - pixels], 1)[torch.randperm(600, generator=source)]
    return _dataset(kind, twins, None, pixels)


def _dataset(kind: str, examples: torch.Tensor, labels: torch.Tensor | None, other: torch.Tensor | None = None, **more: Any) -> Dataset:
    def split(values: torch.Tensor | None) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        return (None, None) if values is None else (values[:500], values[500:])

    (train, heldout), (train_labels, heldout_labels), (train_source, heldout_source) = split(examples), split(labels), split(other)
    assert train is not None
    assert heldout is not None
    return Dataset(
        name=f"toy-{kind}",
        shape=tuple(examples.shape[1:]),
        train=train,
        heldout=heldout,
        fingerprint=f"toy-{kind}",
        labels=train_labels,
        heldout_labels=heldout_labels,
        source=train_source,
        heldout_source=heldout_source,
        **more,
    )


def toy_config(name: str, kind: str, **values: object) -> Config:
    """The family at toy size, batch 20."""
    family = open_family(name)
    small = {key: value for key, value in SMALL.items() if key in declared_params(family)}
    return Config.of(family, f"toy-{kind}", {**small, "batch": 20, **values})


def kinds_of(name: str) -> list[str]:
    """The toy data that a family trains on."""
    return [kind for kind in KINDS if _fits(name, kind)]


def _fits(name: str, kind: str) -> bool:
    config, form = toy_config(name, kind), dataset_for(kind).form
    needs = config.family.needs
    if needs in ("examples", "labels") and kind in ("pairs", "domains"):
        return False  # they may, but it is no more than images
    try:
        config.check_fits(form)
        config.family.build(config.arch, form)
    except UserError:
        return False
    return True


CASES = [(name, kind) for name in family_names() for kind in kinds_of(name)]

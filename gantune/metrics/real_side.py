"""The real side of every comparison: computed once for some data and extractor, kept in the cache, shared by all trials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gantune.data.cache import cached
from gantune.data.tensorfile import write
from gantune.metrics.extractors import Extractor
from gantune.metrics.frechet import RootedGaussian, gaussian, rooted
from gantune.metrics.neighbours import K_DENSITY, K_PRECISION, radii

VERSION = "1"  # raised whenever what is stored here changes its meaning
FEATURES_KEPT = 10_000  # for KID, neighbours and C2ST; the Gaussian is of all


@dataclass(frozen=True, eq=False)
class RealSide:
    """`gaussian` of all n_real examples with its matrix root; features (m, d) and radii (m,) of a random `FEATURES_KEPT` of them."""

    gaussian: RootedGaussian
    features: Tensor
    radii: Tensor
    radii_wide: Tensor


def real_side(examples: Tensor, fingerprint: str, n_real: int, extractor: Extractor, device: torch.device, cache: Path) -> RealSide:
    """The statistics of `n_real` of `examples`, chosen by a fixed seed, read from the cache where everything they depend on agrees."""
    about = {
        "version": VERSION,
        "data": fingerprint,
        "shape": json.dumps(list(examples.shape)),
        "extractor": extractor.name,
        "weights": extractor.weights_hash,
        "resize": extractor.resize,
        "n_real": str(n_real),
    }

    def build(path: Path) -> None:
        rows = rows_of(len(examples), n_real)
        features = torch.cat([extractor(examples[part], device)[0] for part in torch.split(rows, 4096)])
        side = rooted(gaussian(features))
        kept = features[:FEATURES_KEPT]
        narrow, wide = radii(kept, K_PRECISION, K_DENSITY)
        stored = {
            "mean": side.mean,
            "cov": side.cov,
            "root": side.root,
            "features": kept,
            "radii": narrow,
            "radii_wide": wide,
        }
        write(path, {name: value.cpu().numpy() for name, value in stored.items()}, about)

    arrays, _ = cached(cache / "real" / f"{extractor.name}-{key_of(about)}.safetensors", build, about)
    here = {name: torch.from_numpy(value).to(device) for name, value in arrays.items()}
    return RealSide(RootedGaussian(here["mean"], here["cov"], here["root"]), here["features"], here["radii"], here["radii_wide"])


def rows_of(count: int, n_real: int) -> Tensor:
    """Which `n_real` of `count` examples are compared with; the features kept are those of the first of them."""
    return torch.from_numpy(np.random.RandomState(0).permutation(count)[:n_real])


def key_of(about: Mapping[str, str]) -> str:
    """A file name for everything that a cached result depends on."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]

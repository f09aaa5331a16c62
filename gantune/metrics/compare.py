"""The metrics between any two sets of pictures or features: what `gantune fid A B` prints."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantune.data.folder import all_grey, pictures_in, read_picture
from gantune.data.tensorfile import Array
from gantune.errors import UserError
from gantune.metrics.extractors import Extractor, open_extractor
from gantune.metrics.frechet import frechet_between
from gantune.metrics.kid import kid
from gantune.metrics.neighbours import K_DENSITY, K_PRECISION, neighbour_metrics, radii
from gantune.metrics.real_side import FEATURES_KEPT

KID_SUBSETS, KID_SUBSET_SIZE, KID_SEED = 100, 1000, 2020  # torch-fidelity's
PICTURES_AT_ONCE = 512
DAMAGED = (  # what numpy lets through of the disk, of zip and zlib, and of the parser of an array's header
    *(OSError, EOFError, ValueError, TypeError, KeyError, SyntaxError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


@dataclass(frozen=True)
class Side:
    """One of the two: the pictures of a folder, or the array `images` (N, C, H, W) uint8 or `features` (N, d) of an .npz file."""

    where: str
    files: tuple[Path, ...] = ()
    images: Tensor | None = None
    features: Tensor | None = None
    grey: bool = False

    @property
    def count(self) -> int:
        """How many samples there are."""
        held = self.images if self.images is not None else self.features
        return len(self.files) if held is None else len(held)


def compare(
    a: str | Path, b: str | Path, *, extractor: str = "auto", weights: str | None = None, device: torch.device | None = None
) -> dict[str, Any]:
    """fid, kid, kid_std, precision, recall, density, coverage of A (generated) against B (real), and what they were computed with.

    A and B are each a folder of pictures (subfolders included), or an .npz file with `images`, uint8 (N, H, W, C), (N, C, H, W) or
    (N, H, W), or `features` (N, d). `auto` is mnist_cnn for grey squares of 28 or 32, else inception. Precision says how much of A
    lies within B, recall how much of B lies within A; kid_std is there only where KID's subsets differ; over 10,000 samples a side,
    they and KID go by the first 10,000. `UserError` when a side cannot be read or the two do not go together.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    one, other = open_side(a), open_side(b)
    for side in (one, other):
        if side.count < 2:
            raise UserError(f"{side.where}: holds {side.count} sample; a comparison takes 2 or more on each side.")
    if (one.features is None) != (other.features is None):
        raise UserError(f"{one.where} and {other.where}: one holds features and the other pictures; give two of the same kind.")
    if one.features is not None and other.features is not None:
        if extractor != "auto" or weights is not None:
            raise UserError(f"{one.where}: holds features already, so that no extractor applies (got {weights or extractor}).")
        fake, real, name, weights_hash = one.features.to(device), other.features.to(device), "given features", "none"
        if fake.shape[1] != real.shape[1]:
            raise UserError(f"{one.where} has features of {fake.shape[1]} dimensions, {other.where} of {real.shape[1]}; they must agree.")
    else:
        opened = _extractor_for(one, other, extractor, weights, device)
        fake, real = (_features(side, opened, one.grey and other.grey, device) for side in (one, other))
        name, weights_hash = opened.name, opened.weights_hash
    return _metrics(fake, real) | {
        "extractor": name,
        "weights_hash": weights_hash,
        "dims": fake.shape[1],
        "n_a": one.count,
        "n_b": other.count,
    }


def _metrics(fake: Tensor, real: Tensor) -> dict[str, Any]:
    fid = frechet_between(fake, real)
    fake, real = fake[:FEATURES_KEPT], real[:FEATURES_KEPT]
    size = min(KID_SUBSET_SIZE, len(fake), len(real))
    mean, std = kid(fake, real, subsets=KID_SUBSETS, subset_size=size, seed=KID_SEED)
    whole = size == len(fake) == len(real)  # every subset is all there is
    return {
        "fid": fid,
        "kid": mean,
        **({} if whole else {"kid_std": std}),
        **neighbour_metrics(real, fake, *radii(real, K_PRECISION, K_DENSITY)),
        "kid_subset_size": size,
    }


def open_side(where: str | Path) -> Side:
    """A folder of pictures, or an .npz file. `UserError` when it is neither, or damaged."""
    path = Path(where).expanduser()
    if path.is_dir():
        files = pictures_in(path)
        return Side(str(where), files=tuple(files), grey=all_grey(files))
    if not path.exists():
        raise UserError(f"{where}: there is no such folder or file.")
    if path.suffix != ".npz":
        raise UserError(f"{where}: is neither a folder of pictures nor an .npz file with images or features.")
    return _open_npz(path, str(where))


def _open_npz(path: Path, where: str) -> Side:
    if path.is_file() and not zipfile.is_zipfile(path):  # numpy would open an .npy file, and call any other one pickled
        raise UserError(f"{where}: cannot be read (it is no .npz archive, or is cut off). numpy.savez writes one.")
    try:
        with np.load(path, allow_pickle=False) as content:
            names = content.files
            arrays = {name: content[name] for name in ("images", "features") if name in names}
    except DAMAGED as error:
        reason = (
            "it holds pickled objects, which can run code"
            if "pickle" in str(error).lower()
            else (str(error) or type(error).__name__).splitlines()[0]
        )
        raise UserError(f"{where}: cannot be read ({reason}).") from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise UserError(f"{where}: {name} is no array. numpy.savez writes such a file.")
    if len(arrays) != 1:
        problem = (
            "holds both images and features; keep one"
            if arrays
            else f"has neither images nor features; it has {', '.join(names) or 'nothing'}"
        )
        raise UserError(f"{where}: {problem}.")
    if "features" in arrays:
        return Side(where, features=_checked_features(arrays["features"], where))
    images = _checked_images(arrays["images"], where)
    return Side(where, images=images, grey=images.shape[1] == 1)


def _checked_features(features: Array, where: str) -> Tensor:
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind not in "fiu":
        raise UserError(f"{where}: features are numbers of shape (N, d), got {features.dtype} {features.shape}.")
    if not np.isfinite(features).all():
        raise UserError(f"{where}: features hold NaN or infinite numbers.")
    return torch.from_numpy(features.astype(np.float64 if features.dtype.itemsize > 4 else np.float32))


def _checked_images(images: Array, where: str) -> Tensor:
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise UserError(f"{where}: images are uint8 of shape (N, H, W, C), (N, C, H, W) or (N, H, W), got {images.dtype} {images.shape}.")
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.shape[1] not in (1, 3) or 0 in images.shape[1:]:
        raise UserError(f"{where}: images have 1 channel or 3, got shape {images.shape}.")
    return torch.from_numpy(np.ascontiguousarray(images))


def _extractor_for(one: Side, other: Side, extractor: str, weights: str | None, device: torch.device) -> Extractor:
    sizes = [_first(side).shape[1:] for side in (one, other)]
    channels = 1 if one.grey and other.grey else 3
    if extractor == "auto":
        digits = channels == 1 and weights is None and all(tuple(size) in ((28, 28), (32, 32)) for size in sizes)
        extractor = "mnist_cnn" if digits else "inception"
    if extractor == "raw" and sizes[0] != sizes[1]:
        said = [f"{size[0]}x{size[1]}" for size in sizes]
        raise UserError(
            f"{one.where} has pictures of {said[0]}, {other.where} of {said[1]}; extractor raw needs one size.\n"
            "Resize one of them, or let inception do so (--extractor inception, with --weights FILE where nothing can be downloaded)."
        )
    return open_extractor(extractor, (channels, *sizes[0]), device, weights)


def _first(side: Side) -> Tensor:
    return side.images[0] if side.images is not None else torch.from_numpy(read_picture(side.files[0], 1).copy())


def _features(side: Side, extractor: Extractor, grey: bool, device: torch.device) -> Tensor:
    """(n, d) of one side, with its pictures read some at a time; pictures may differ in size where the extractor resizes."""
    channels = 1 if grey else 3
    if side.images is not None:
        return extractor(side.images.expand(-1, channels, -1, -1), device)[0]
    first, parts = _first(side).shape[1:], []
    for start in range(0, len(side.files), PICTURES_AT_ONCE):
        pictures = [torch.from_numpy(read_picture(file, channels).copy()) for file in side.files[start : start + PICTURES_AT_ONCE]]
        if extractor.name == "raw" and any(picture.shape[1:] != first for picture in pictures):
            raise UserError(f"{side.where}: its pictures differ in size; extractor raw needs one size.")
        alike = len({picture.shape for picture in pictures}) == 1
        parts += [extractor(images, device)[0] for images in ([torch.stack(pictures)] if alike else [p[None] for p in pictures])]
    return torch.cat(parts)

"""`paired:PATH` and `unpaired:PATH`: pictures of two domains, side by side in one file, or in two folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantune.data.dataset import Dataset
from gantune.data.folder import FEWEST, HELDOUT_MOST, HELDOUT_SHARE, all_grey, halves, key, pictures_in, squares
from gantune.data.prepared import Other, opened, write_pictures
from gantune.errors import UserError

LEAST_HELDOUT = 4  # two for the reports by which a checkpoint is chosen, two for the score of the one that was


@dataclass(frozen=True)
class Files:
    """The files of one domain, or of pairs."""

    train: list[Path]
    heldout: list[Path]

    @property
    def all(self) -> list[Path]:
        """Both splits, the held-out ones last."""
        return self.train + self.heldout


def open_paired(where: str, size: int, cache: Path) -> Dataset:
    """Every picture below `where` is a pair: its left half the source, its right half the target, each cropped to its central square and
    resized to `size`. With folders `train` and `test` (or `val`) the latter is held out, else a tenth is.

    `UserError` when the folder is missing, holds too few pictures, a broken one, or one of odd width.
    """
    root = Path(where).expanduser()
    if (root / "train").is_dir():
        other = next((root / name for name in ("test", "val") if (root / name).is_dir()), None)
        files = _files(root / "train", other)
    else:
        files = _files(root, None)
    _enough(f"paired:{where}", files)
    about = {"data": "paired", "size": str(size), "version": "1", "files": key(root, files.all), "heldout": str(len(files.heldout))}

    def build(path: Path) -> None:
        channels = 1 if all_grey(files.all) else 3
        shape, n_heldout = (channels, size, size), len(files.heldout)
        count = len(files.all)
        source = Other(count, shape, halves(files.all, size, channels, "left"), n_heldout)
        write_pictures(path, count, shape, halves(files.all, size, channels, "right"), about, n_heldout, other=source)

    return opened(f"paired:{where}", cache / f"paired-{about['files'][:16]}-{size}.safetensors", build, about, paired=True)


def open_unpaired(where: str, size: int, cache: Path) -> Dataset:
    """The folders A (source) and B (target) below `where`, or trainA and trainB with testA and testB held out; without those a tenth is.

    Pictures are cropped to their central square and resized to `size`; a domain is grey when all its files are. `UserError` when a
    folder is missing, holds too few pictures or a broken one.
    """
    root = Path(where).expanduser()
    a, b = (_domain(root, letter, where) for letter in "AB")
    for files in (a, b):
        _enough(f"unpaired:{where}", files)
    lengths = "/".join(str(len(files)) for files in (a.train, a.heldout, b.train, b.heldout))
    about = {"data": "unpaired", "size": str(size), "version": "1", "files": key(root, a.all + b.all), "splits": lengths}

    def build(path: Path) -> None:
        channels_a, channels_b = (1 if all_grey(files.all) else 3 for files in (a, b))
        source = Other(len(a.all), (channels_a, size, size), squares(a.all, size, channels_a), len(a.heldout))
        shape = (channels_b, size, size)
        write_pictures(path, len(b.all), shape, squares(b.all, size, channels_b), about, len(b.heldout), other=source)

    return opened(f"unpaired:{where}", cache / f"unpaired-{about['files'][:16]}-{size}.safetensors", build, about)


def _domain(root: Path, letter: str, where: str) -> Files:
    train, test = root / f"train{letter}", root / f"test{letter}"
    if train.is_dir():
        return _files(train, test if test.is_dir() else None)
    if not (root / letter).is_dir():
        raise UserError(
            f"data unpaired:{where}: there is no folder {root / letter}, nor {train}. Put the pictures to translate into {root / 'A'} "
            f"and those of the other domain into {root / 'B'}."
        )
    return _files(root / letter, None)


def _files(train: Path, heldout: Path | None) -> Files:
    """In random order; a tenth is held out where no folder is."""
    shuffled = _shuffled(pictures_in(train))
    if heldout is not None:
        return Files(shuffled, _shuffled(pictures_in(heldout)))
    n_heldout = min(max(round(HELDOUT_SHARE * len(shuffled)), LEAST_HELDOUT), HELDOUT_MOST)
    return Files(shuffled[:-n_heldout], shuffled[-n_heldout:])


def _shuffled(files: list[Path]) -> list[Path]:
    return [files[row] for row in np.random.RandomState(len(files)).permutation(len(files))]


def _enough(data: str, files: Files) -> None:
    train, heldout = len(files.train), len(files.heldout)
    if train + heldout < FEWEST or heldout < LEAST_HELDOUT:
        where = f" in {files.train[0].parent}" if files.train else ""
        counted = f"{train} pictures to train on{where} and {heldout} held out"
        raise UserError(f"data {data}: {counted} are too few; it takes {FEWEST} or more, {LEAST_HELDOUT} of them held out.")

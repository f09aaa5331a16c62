"""`labelled:PATH` and `attributes:PATH`: pictures of one's own with classes, or with yes-or-no attributes, prepared once into the cache."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantune.data.attribute_tables import Table, find_table, read_table
from gantune.data.dataset import Dataset
from gantune.data.folder import FEWEST, all_grey, in_random_order, key, pictures_in, squares
from gantune.data.prepared import opened, write_pictures
from gantune.data.tensorfile import Array
from gantune.errors import UserError

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Labelled:
    """Files with their labels, (n,) int64 or (n, A) uint8, and what the classes or the attributes are called."""

    files: list[Path]
    labels: Array
    names: Sequence[str]
    heldout: Array | None = None  # (n,) which are held out; None: a random part


def open_labelled(where: str, size: int, cache: Path) -> Dataset:
    """A class is a folder right below `where`, with all pictures below it; classes are numbered in the order of their names.

    Where the only folders there are `train` and `test`, classes are the folders below these, and those of `test` are held out.
    Pictures are prepared as for `folder:PATH`. `UserError` where there are fewer than two such folders, too few pictures, one that
    lies in no class folder, or a broken one.
    """
    root = Path(where).expanduser()
    files = pictures_in(root)
    level = int({file.relative_to(root).parts[0] for file in files} == set(SPLITS))  # of the class among a file's folders
    folders = [file.relative_to(root).parts[level:-1] for file in files]
    classes = sorted({below[0] for below in folders if below})
    without = f"folder:{where} takes pictures without labels."
    if not classes:
        raise UserError(f"data labelled:{where}: holds no class folders, only pictures. Put those of each class into a folder; {without}")
    stray = next((file for file, below in zip(files, folders, strict=True) if not below), None)
    if stray is not None:
        raise UserError(f"data labelled:{where}: {stray.name} lies in no class folder. Move it into one, or remove it.")
    if len(classes) == 1:
        raise UserError(f"data labelled:{where}: holds the one class folder {classes[0]}, and it takes two or more; {without}")
    number = {name: index for index, name in enumerate(classes)}
    labels = np.array([number[below[0]] for below in folders], np.int64)
    heldout = np.array([file.relative_to(root).parts[0] == "test" for file in files]) if level else None
    return _prepared("labelled", where, root, files, {}, lambda: Labelled(files, labels, classes, heldout), size, cache)


def open_attributes(where: str, size: int, cache: Path) -> Dataset:
    """Pictures with a table of their attributes (see `attribute_tables`): `where` is the table, or the folder that holds both.

    Pictures are prepared as for `folder:PATH`; one that the table leaves out is left out, with a warning. `UserError` where the table
    is missing or malformed, names a picture that is not there, or names too few.
    """
    table, root = find_table(Path(where).expanduser())
    files, status = pictures_in(root), table.stat()
    state = {"table": f"{table.name}/{status.st_size}/{status.st_mtime_ns}"}
    return _prepared("attributes", where, root, files, state, lambda: _matched(read_table(table), table, root, files), size, cache)


def _matched(table: Table, path: Path, root: Path, files: list[Path]) -> Labelled:
    """The table's pictures, called in it by their path below `root` or by the end of that."""
    ends: dict[str, list[Path]] = {}
    for file in files:
        parts = file.relative_to(root).parts
        for start in range(len(parts)):
            ends.setdefault("/".join(parts[start:]), []).append(file)
    found = [ends.get(name, []) for name in table.files]
    for name, candidates in zip(table.files, found, strict=True):
        if len(candidates) != 1:
            problem = "there is no such picture" if not candidates else f"{len(candidates)} pictures are called that"
            missing = sum(not each for each in found)
            more = f", nor are there {missing - 1} others of its {len(found)}" if missing > 1 and not candidates else ""
            raise UserError(f"{path}: {name}: {problem} below {root}{more}. Give the path below that folder, or remove the row.")
    used = [candidates[0] for candidates in found]
    if len(used) < len(files):
        left = next(iter(sorted(set(files) - set(used))))
        warnings.warn(f"{path}: leaves out {len(files) - len(used)} of {len(files)} pictures, such as {left}.", stacklevel=2)
    return Labelled(used, table.values, table.names)


def _prepared(
    kind: str, where: str, root: Path, files: list[Path], state: Mapping[str, str], label: Callable[[], Labelled], size: int, cache: Path
) -> Dataset:
    about = {"data": kind, "size": str(size), "version": "1", "files": key(root, files), **state}

    def build(path: Path) -> None:
        labelled = label()
        if len(labelled.files) < FEWEST:
            raise UserError(f"data {kind}:{where}: {len(labelled.files)} pictures are too few to train on; it takes {FEWEST} or more.")
        order, n_heldout = in_random_order(len(labelled.files))
        if labelled.heldout is not None:
            order = order[np.argsort(labelled.heldout[order], kind="stable")]  # the held-out ones last
            n_heldout = int(labelled.heldout.sum())
        shuffled = [labelled.files[row] for row in order]
        channels = 1 if all_grey(shuffled) else 3
        pictures = squares(shuffled, size, channels)
        labels, names = labelled.labels[order], labelled.names
        write_pictures(path, len(shuffled), (channels, size, size), pictures, about, n_heldout, labels, names)

    return opened(f"{kind}:{where}", cache / f"{kind}-{about['files'][:16]}-{size}.safetensors", build, about)

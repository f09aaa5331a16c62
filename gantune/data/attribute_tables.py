"""Tables of yes-or-no attributes of pictures: a CSV file, CelebA's text file, or the files of Caltech-UCSD Birds."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantune.data.tensorfile import Array
from gantune.errors import UserError

CELEBA, BIRDS = "list_attr_celeba.txt", "image_attribute_labels.txt"
KNOWN = ("attributes.csv", "list_attr_celeba.csv", CELEBA, f"Anno/{CELEBA}", f"attributes/{BIRDS}")
VALUES = {"1": 1, "0": 0, "-1": -1}
WANTED = "Each row is a picture's file, then 0 or 1 (or -1 or 1) for each attribute"


@dataclass(frozen=True)
class Row:
    """A line of a table: 1 for yes, 0 or -1 for no."""

    line: int
    file: str
    values: list[int]


@dataclass(frozen=True)
class Table:
    """`values` (n, A) in {0, 1} of the pictures called `files`, for attributes called `names`."""

    names: tuple[str, ...]
    files: tuple[str, ...]
    values: Array


def find_table(place: Path) -> tuple[Path, Path]:
    """The table at `place`, which is the table itself or a folder that holds it, and the folder that its pictures lie below."""
    if place.is_file():
        return place, place.parent.parent if place.name == BIRDS else place.parent
    if not place.is_dir():
        raise UserError(f"there is no folder or file {place}. Give the path of a folder with pictures and their table, or of the table.")
    found = [place / name for name in KNOWN if (place / name).is_file()] or sorted(place.glob("*.csv"))
    if not found:
        raise UserError(
            f"folder {place}: holds no table of attributes. Put attributes.csv there, with a header `file,attribute,...` and a row for "
            f"each picture, or CelebA's {CELEBA}, or the files of Caltech-UCSD Birds (attributes/{BIRDS})."
        )
    if len(found) > 1:
        raise UserError(
            f"folder {place}: holds {len(found)} tables, {', '.join(path.name for path in found)}. Give one: attributes:{found[0]}"
        )
    return found[0], place


def read_table(path: Path) -> Table:
    """The table in a file. `UserError` with the number of a line that is malformed."""
    readers: dict[str, Callable[[Path], tuple[list[str], Iterable[Row]]]] = {CELEBA: _celeba, BIRDS: _birds}
    try:
        names, rows = readers.get(path.name, _csv)(path)
        return _checked(path, names, list(rows))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error


def _checked(path: Path, names: list[str], rows: list[Row]) -> Table:
    if not names or "" in names or len(set(names)) < len(names):
        raise UserError(f"{path}: the header names each attribute once, got {', '.join(names) or 'none'}.")
    seen: dict[str, int] = {}
    for row in rows:
        if len(row.values) != len(names):
            raise UserError(f"{path}: line {row.line}: {len(row.values)} values for {len(names)} attributes. {WANTED}.")
        if row.file in seen:
            raise UserError(f"{path}: line {row.line}: {row.file} has a row already, in line {seen[row.file]}. Remove one.")
        seen[row.file] = row.line
    if not rows:
        raise UserError(f"{path}: has no rows. {WANTED}.")
    values = np.array([row.values for row in rows], np.int8)
    if (values == 0).any() and (values == -1).any():
        raise UserError(f"{path}: has both 0 and -1. Write all that an example has not as 0, or all as -1.")
    return Table(tuple(names), tuple(seen), (values > 0).astype(np.uint8))


def _csv(path: Path) -> tuple[list[str], Iterable[Row]]:
    """A header `file,attribute,...`, then a row for each picture."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        rows = [Row(reader.line_num, cells[0].strip(), _values(path, reader.line_num, cells[1:])) for cells in reader if cells]
    return header[1:], rows


def _celeba(path: Path) -> tuple[list[str], Iterable[Row]]:
    """The number of pictures, the attributes' names, then a row for each picture, all parted by blanks."""
    lines = _lines(path)
    _, count = next(lines, (1, [""]))
    _, names = next(lines, (2, []))
    rows = [Row(number, cells[0], _values(path, number, cells[1:])) for number, cells in lines]
    if count != [str(len(rows))]:
        raise UserError(f"{path}: line 1: announces {' '.join(count) or 'nothing'}, and {len(rows)} rows follow. Is the file complete?")
    return names, rows


def _birds(path: Path) -> tuple[list[str], Iterable[Row]]:
    """Lines `image attribute present certainty seconds`, both by number, beside images.txt and attributes.txt of lines `number name`."""
    root = path.parent.parent
    if not (root / "images.txt").is_file():
        raise UserError(f"{path}: there is no {root / 'images.txt'}, which says what file an image's number stands for.")
    files = {cells[0]: cells[-1] for _, cells in _lines(root / "images.txt")}
    places = (path.parent / "attributes.txt", root / "attributes.txt", root.parent / "attributes.txt")
    named = next((place for place in places if place.is_file()), None)
    found: dict[str, dict[str, int]] = {}
    for number, cells in _lines(path):  # some lines of the published file hold more than five cells
        if len(cells) < 3 or cells[2] not in ("0", "1"):
            raise UserError(
                f"{path}: line {number}: got {' '.join(cells)!r}. A line is an image's number, an attribute's number, and 0 or 1."
            )
        if cells[0] not in files:
            raise UserError(f"{path}: line {number}: images.txt has no image {cells[0]}.")
        found.setdefault(cells[0], {})[cells[1]] = int(cells[2])
    numbers = sorted({attribute for values in found.values() for attribute in values}, key=lambda number: (len(number), number))
    names = {cells[0]: cells[-1] for _, cells in _lines(named)} if named else {}
    lacking = next((image for image, values in found.items() if len(values) < len(numbers)), None)
    if lacking is not None:
        raise UserError(f"{path}: image {lacking} has {len(found[lacking])} of {len(numbers)} attributes. Is the file complete?")
    rows = [Row(0, files[image], [values[number] for number in numbers]) for image, values in found.items()]
    return [names.get(number, f"attribute_{number}") for number in numbers], rows


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.split()


def _values(path: Path, line: int, cells: list[str]) -> list[int]:
    bad = next((cell for cell in cells if cell.strip() not in VALUES), None)
    if bad is not None:
        raise UserError(f"{path}: line {line}: got {bad!r}. {WANTED}.")
    return [VALUES[cell.strip()] for cell in cells]

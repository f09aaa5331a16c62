"""`folder:PATH`: a folder of pictures of any size and number, prepared once into the cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np

from gantune.data.dataset import Dataset
from gantune.data.prepared import opened, write_pictures
from gantune.data.tensorfile import Array
from gantune.errors import UserError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
FEWEST = 10
HELDOUT_SHARE, HELDOUT_MOST = 0.1, 5_000
DECODED_AT_ONCE = 512


def open_folder(where: str, size: int, cache: Path) -> Dataset:
    """Every picture below `where`, cropped to its central square and resized to `size`.

    Grey when all files are grey, else colour. A tenth, at most 5,000, is held out, chosen by a fixed seed. The prepared file is
    made again when a name, size or modification time changes. `UserError` when the folder is missing, holds too few pictures or
    a broken one.
    """
    root = Path(where).expanduser()
    files = pictures_in(root)
    if len(files) < FEWEST:
        raise UserError(f"data folder:{where}: {len(files)} pictures are too few to train on; it takes {FEWEST} or more.")
    about = {"data": "folder", "size": str(size), "version": "1", "files": key(root, files)}
    path = cache / f"folder-{about['files'][:16]}-{size}.safetensors"

    def build(path: Path) -> None:
        order, n_heldout = in_random_order(len(files))
        shuffled = [files[row] for row in order]
        channels = 1 if all_grey(shuffled) else 3
        write_pictures(path, len(files), (channels, size, size), squares(shuffled, size, channels), about, n_heldout)

    return opened(f"folder:{where}", path, build, about)


def in_random_order(count: int) -> tuple[Array, int]:
    """(count,) row numbers in an order that only `count` decides, and how many at its end are held out: a tenth, at most 5,000."""
    return np.random.RandomState(count).permutation(count), min(max(round(HELDOUT_SHARE * count), 2), HELDOUT_MOST)


def pictures_in(root: Path) -> list[Path]:
    """The picture files below `root`, hidden ones left out, sorted by name. `UserError` when there is no such folder, or none in it."""
    if not root.is_dir():
        problem = "is a file, not a folder" if root.exists() else "there is no such folder"
        raise UserError(f"folder {root}: {problem}. Give the path of a folder that holds pictures.")
    found = (Path(place, name) for place, _, names in os.walk(root, followlinks=True) for name in names)
    files = sorted(file for file in found if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    if not files:
        raise UserError(f"folder {root}: holds no pictures ({', '.join(sorted(SUFFIXES))}), nor do its subfolders.")
    return files


def all_grey(files: list[Path]) -> bool:
    """Whether no file holds colours, going by the headers."""
    from PIL import Image

    def is_grey(file: Path) -> bool:
        try:
            with Image.open(file) as picture:
                return picture.mode in GREY_MODES
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise broken(file, error) from error

    return all(is_grey(file) for file in files)


def squares(files: list[Path], size: int, channels: int) -> Iterator[Array]:
    """The pictures as uint8 (n, channels, size, size), in order, some at a time. `UserError` names a broken file."""

    def read(file: Path) -> Array:
        return _square(_decoded(file, channels), size)

    return _read(files, read)


def halves(files: list[Path], size: int, channels: int, side: Literal["left", "right"]) -> Iterator[Array]:
    """The same of the left or the right half of every picture. `UserError` names a file of odd width, or
    one that is square: a plain picture, whose halves are no pair."""

    def read(file: Path) -> Array:
        picture = _decoded(file, channels)
        width, height = picture.size
        if width % 2:
            raise UserError(
                f"picture {file}: is {width} pixels wide, and a pair has two halves of one width. Remove it, or cut it to {width - 1}."
            )
        if width == height:
            raise UserError(
                f"picture {file}: is square, and a pair is two pictures side by side, the source on the left. "
                "Pictures of two domains that are no pairs: unpaired:PATH."
            )
        box = (0, 0, width // 2, height) if side == "left" else (width // 2, 0, width, height)
        return _square(picture.crop(box), size)  # cut first: resizing alone would read beyond the middle

    return _read(files, read)


def _read(files: list[Path], read: Callable[[Path], Array]) -> Iterator[Array]:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(files), DECODED_AT_ONCE):
            yield np.stack(list(pool.map(read, files[start : start + DECODED_AT_ONCE])))


def read_picture(file: Path, channels: int) -> Array:
    """One picture as uint8 (channels, H, W). `UserError` names it when it is broken."""
    return _channels_first(_decoded(file, channels))


def broken(file: Path, error: Exception) -> UserError:
    """What to say about a picture that cannot be read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(f"picture {file}: cannot be read ({reason}). Repair or remove it.")


def _square(picture, size: int) -> Array:  # type: ignore[no-untyped-def]  # PIL is imported where it is needed
    from PIL import Image

    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return _channels_first(picture.resize((size, size), Image.Resampling.BILINEAR, box=box))


def _decoded(file: Path, channels: int):  # type: ignore[no-untyped-def]  # PIL is imported where it is needed
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as picture:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I"):  # 16-bit grey, which PIL would cut off at 255; `I` may hold 8 bits or 16
                wide = np.asarray(upright, dtype=np.float64)
                is_wide = upright.mode != "I" or wide.max() > 255
                upright = Image.fromarray((wide / (257 if is_wide else 1)).round().astype(np.uint8))
            return upright.convert("L" if channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise broken(file, error) from error


def _channels_first(picture) -> Array:  # type: ignore[no-untyped-def]
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def key(root: Path, files: list[Path]) -> str:
    """What names a state of these files: their names below `root`, sizes and modification times."""
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        digest.update(f"{file.relative_to(root).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()

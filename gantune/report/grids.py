"""Sample grids of a trial's folder as data URIs, the earliest and the latest."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

WIDEST = 560  # pixels; larger grids are scaled down so that the page stays small


@dataclass(frozen=True)
class Picture:
    """A PNG for the page; `pixelated` where enlarging must keep square pixels."""

    kimg: float
    uri: str
    width: int
    height: int


def first_and_last(folder: Path) -> list[Picture]:
    """The earliest and the latest readable grid of a trial's `grids/` (one where they are the same, none where there is none)."""
    found = sorted((kimg, path) for path in (folder / "grids").glob("*.png") if (kimg := _kimg(path)) is not None)
    ends = found[:1] + found[-1:] if len(found) > 1 else found
    return [picture for kimg, path in ends if (picture := _load(path, kimg)) is not None]


def _kimg(path: Path) -> float | None:
    digits = re.search(r"kimg_(\d+(?:\.\d+)?)", path.stem)
    return float(digits[1]) if digits else None


def _load(path: Path, kimg: float) -> Picture | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            image.thumbnail((WIDEST, 2 * WIDEST))
            packed = io.BytesIO()
            image.save(packed, format="PNG", optimize=True)
            width, height = image.size
    except (OSError, UnidentifiedImageError):  # half-written by a killed trial: the page goes without it
        return None
    return Picture(kimg, "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode(), width, height)

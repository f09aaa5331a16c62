"""Tensors in one file, in the safetensors layout: written whole or not at all, read through a memory map.

The layout is 8 bytes with the header's length, a JSON header (name → dtype, shape, place), then the raw numbers. It is read here
with numpy alone, so that cached data and shipped weights open on a machine with nothing but torch and numpy.
"""

from __future__ import annotations

import json
import os
import struct
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DTYPES: dict[str, np.dtype[Any]] = {"U8": np.dtype("u1"), "I64": np.dtype("<i8"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
CODES = {dtype: code for code, dtype in DTYPES.items()}
ALIGNMENT = 64  # so that mapped arrays start where vector instructions like them


class DamagedFile(ValueError):
    """A tensor file whose header or length is not what it should be."""


@contextmanager
def create(
    path: Path, shapes: Mapping[str, tuple[type | np.dtype[Any], tuple[int, ...]]], about: Mapping[str, str]
) -> Iterator[dict[str, Array]]:
    """Writable arrays of the given dtypes and shapes; the file appears at `path` when the block ends without an error."""
    header: dict[str, Any] = {"__metadata__": dict(about)}
    end = 0
    wide_first = sorted(shapes, key=lambda name: -np.dtype(shapes[name][0]).itemsize)  # keeps every array aligned
    for name in wide_first:
        kind, shape = shapes[name]
        dtype = np.dtype(kind)
        start, end = end, end + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": CODES[dtype], "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(partial, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + end)
        arrays = _mapped(partial, header, 8 + len(text), "r+")
        yield arrays
        for array in arrays.values():
            if isinstance(array, np.memmap):
                array.flush()
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write(path: Path, tensors: Mapping[str, Array], about: Mapping[str, str]) -> None:
    """All of `tensors` into `path`, whole or not at all."""
    with create(path, {name: (value.dtype, value.shape) for name, value in tensors.items()}, about) as arrays:
        for name, value in tensors.items():
            arrays[name][...] = value


def read(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays of `path`, memory-mapped copy-on-write, and what was written about them. Raises `DamagedFile`."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            size = path.stat().st_size
            if length > size:
                raise DamagedFile(f"{path} is cut short.")
            header = json.loads(file.read(length))
        places = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
        if size != 8 + length + max((end for _, end in places), default=0):
            raise DamagedFile(f"{path} is cut short.")
        about: dict[str, str] = header.get("__metadata__", {})
        return _mapped(path, header, 8 + length, "c"), about
    except (struct.error, KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedFile(f"{path} is no tensor file ({error}).") from None


def _mapped(path: Path, header: Mapping[str, Any], start: int, mode: Any) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype: np.dtype[Any] = DTYPES[entry["dtype"]]
        shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
        if end == begin:
            arrays[name] = np.zeros(shape, dtype)
            continue
        arrays[name] = np.memmap(path, dtype, mode, offset=start + begin, shape=shape)
    return arrays

"""What must outlive a power cut: onto the disk, and not only with the operating system."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def to_disk(path: Path) -> None:
    """Wait until the file, or the folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def writing(path: Path, partial: Path) -> Iterator[None]:
    """Around the writing of `path` by way of `partial`: an error of the disk names `path` and the bytes that are free without it.

    Nothing of `partial` is left then, which would keep a full disk full.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):  # the disk may not even take that; the first error is what counts
            partial.unlink(missing_ok=True)
        cause = _of_system(error)
        if cause is None:
            raise
        raise OSError(cause.errno, f"{cause.strerror or cause} ({_free(path.parent)} free without it)", str(path)) from None


def _of_system(error: BaseException | None) -> OSError | None:
    """The operating system's error in or behind `error`: torch, whose file has become too short, raises one of its own over it."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free:,} bytes"
    except OSError:  # the folder itself is gone
        return "an unknown number of bytes"

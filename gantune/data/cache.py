"""Where downloaded and prepared files are kept, and how several processes share them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gantune.data.tensorfile import Array, DamagedFile, read
from gantune.errors import UserError


def cache_root(cache: Path | None = None) -> Path:
    """`cache`, else $GANTUNE_CACHE, else ~/.cache/gantune."""
    return Path(cache or os.environ.get("GANTUNE_CACHE") or Path.home() / ".cache" / "gantune").expanduser()


def cached(path: Path, build: Callable[[Path], None], about: Mapping[str, str] | None = None) -> tuple[dict[str, Array], dict[str, str]]:
    """The tensor file at `path`, built by `build(path)` where it is missing or damaged; one process builds, the others wait.

    With `about`, a file that says anything else about itself counts as missing. `UserError` when the cache cannot be written.
    """
    found = _usable(path, about)
    if found is not None:
        return found
    with _locked(path):
        found = _usable(path, about)
        if found is not None:
            return found
        try:
            build(path)
        except UserError:
            raise
        except OSError as error:
            raise _unwritable(path, error) from error
    return read(path)


def _usable(path: Path, about: Mapping[str, str] | None) -> tuple[dict[str, Array], dict[str, str]] | None:
    if not path.is_file():
        return None
    try:
        arrays, found = read(path)
    except DamagedFile as error:
        warnings.warn(f"{error} It is made again.", stacklevel=3)
        return None
    return (arrays, found) if about is None or dict(about) == found else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """No other process holds the lock of `path` inside; it is released with the process, however that ends."""
    import fcntl

    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(
        f"cache {path.parent}: cannot be written ({reason}). Set GANTUNE_CACHE to a folder with free space that you may write to."
    )

"""Checkpoint files: written whole or not at all, read without running any code in them."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch

from gantune.durable import to_disk, writing
from gantune.errors import UserError

FORMAT = "gantune checkpoint 1"
OF_THE_MACHINE = ("CUDA", "can't allocate memory")  # in words of torch's that say nothing of the file


def save(path: Path, content: dict[str, Any]) -> None:
    """Replace `path` by `content` (tensors, numbers, texts, containers of them) in one step that survives a crash."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path, partial):
        with partial.open("wb") as file:
            torch.save({"format": FORMAT} | content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        to_disk(path.parent)


def keep_as(path: Path, other: Path) -> None:
    """Keep today's `path` under the name `other`, without copying its bytes where the file system can."""
    partial = other.with_name(f".{other.name}.{os.getpid()}")
    with writing(other, partial):
        partial.unlink(missing_ok=True)
        try:
            os.link(path, partial)
        except OSError:  # a file system without hard links
            partial.write_bytes(path.read_bytes())
            to_disk(partial)
        os.replace(partial, other)
        to_disk(other.parent)


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The content of a checkpoint. `UserError` when it is missing, truncated, foreign, or carries code; what the disk or the device
    refuses stays the error that it is."""
    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch comments on foreign pickles before it refuses them
            content = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(f"{path} holds more than tensors and numbers; it may carry code and was not loaded.") from None
    except OSError as error:
        if error.errno is None:
            raise _damaged(path) from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in OF_THE_MACHINE):
            raise
        raise _damaged(path) from None
    except (EOFError, ValueError, KeyError, IndexError):
        raise _damaged(path) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is no gantune checkpoint of this version.")
    return content


def _damaged(path: Path) -> UserError:
    return UserError(f"{path} is damaged or truncated and cannot be read. Restore it, or start that run anew.")

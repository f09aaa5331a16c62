"""Code in a file of the user's: families, stop rules, spaces. The one place that runs it."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from gantune.errors import UserError


@contextmanager
def trusting(what: str) -> Iterator[None]:
    """Around the first uses of what a user's file defines: its slips become a `UserError` that begins with `what`."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{what}: {error}") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"{what}: {type(error).__name__}: {error}") from error


def run_file(file: Path, where: str, text: str | None = None) -> ModuleType:
    """The module that the code in `file` makes, or the `text` that was kept of it. `UserError` that names file and error."""
    name = f"gantune_user_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"  # files of the same name may meet
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module  # dataclasses look their annotations up there
    try:
        code = compile(file.read_bytes() if text is None else text, str(file), "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = f", line {lines[-1]}" if lines else ""
        raise UserError(f"{where}{file}{line}: the file raised {type(error).__name__}: {error}") from error
    return module

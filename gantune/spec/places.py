"""Where a value of a sweep came from, so that a message can say it: the file and line, its on_gpu section, or a flag."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gantune.data import split_path
from gantune.errors import UserError
from gantune.params import make
from gantune.spec.sets import Set
from gantune.yaml_file import YamlFile

T = TypeVar("T")


class Places:
    """Knows the origin of every key: flags go before the file's on_gpu section (with `overlay`), that before the rest of the file."""

    def __init__(self, file: YamlFile, *, overlay: bool = False, flags: Sequence[Set] = ()) -> None:
        self._file, self._overlay, self._flags = file, overlay, flags

    def where(self, keys: Sequence[str | int]) -> str:
        """`sweeps/dcgan.yaml, line 6: budget.trials: `, or `--set budget.trials=0: budget.trials: `."""
        flag = self.flag(keys)
        if flag is not None:
            return f"{flag}: {'.'.join(map(str, keys))}: "
        over = ("on_gpu", *map(str, keys))
        if self._overlay and over in self._file.lines:
            return self._file.where(over)
        return self._file.where(keys)

    def options(self, settings: type[T], given: Mapping[str, Any], keys: Sequence[str]) -> T:
        """An instance of a settings class from the options that stand at `keys`, each checked where it comes from."""
        for name, value in given.items():
            make(settings, {name: value}, self.where((*keys, name)).removesuffix(f".{name}: ") + ": ")
        return make(settings, given)

    def flag(self, keys: Sequence[str | int]) -> str | None:
        """The last flag that set the value at `keys`, or something around it."""
        path = tuple(map(str, keys))
        return next((one.flag for one in reversed(self._flags) if path[: len(one.keys)] == one.keys), None)

    def inside(self, keys: Sequence[str | int], attempt: Callable[[], T]) -> T:
        """What `attempt` gives; a `UserError` of its own is told where the value stands."""
        try:
            return attempt()
        except UserError as error:
            raise UserError(f"{self.where(keys)}{error}") from error


def absolute(ref: str, beside: Path) -> str:
    """A reference to something of the user's own (`./my_gan.py:MyGAN`, `folder:PATH`) that holds in any working directory.

    A relative one is looked for beside the sweep's file first, then in the working directory. Names stay as they are.
    """
    kind, given = split_path(ref)
    if given is not None:
        return f"{kind}:{_resolved(given, beside)}"
    path, colon, attribute = ref.rpartition(":")
    return f"{_resolved(path, beside)}:{attribute}" if colon and path.endswith(".py") else ref


def _resolved(path: str, beside: Path) -> str:
    given = Path(path).expanduser()
    near = beside / given
    return str((near if not given.is_absolute() and near.exists() else given).resolve())

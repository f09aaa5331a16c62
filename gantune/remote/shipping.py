"""What a sweep needs of the user's folder: its own file, spaces, and code that they name; staged to be copied to the head."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gantune import bundled
from gantune.errors import UserError
from gantune.yaml_file import parse_value, read_yaml

MOST = 2 * 2**20  # bytes in all: code and settings, no data
USUAL = ("sweeps/*.yaml", "sweeps/*.yml", "search_spaces/*.yaml", "search_spaces/*.yml", "search_spaces/*.py")
NAMED = re.compile(r"(?P<code>.+\.py):\w+|(?P<file>.+\.ya?ml)")  # ./my_gan.py:MyGAN, spaces/mine.yaml


def files_of(sweep: str, sets: Sequence[str], folder: Path) -> list[Path]:
    """The files below `folder` (absolute) that `sweep`, a name or a file, and its `--set` flags may name, relative to it.

    `UserError` where one lies outside, was named by an absolute path, which the head does not have, or where they are too many bytes.
    """
    path, shown = bundled.find("sweeps", sweep)
    found = {file for pattern in USUAL for file in folder.glob(pattern)}
    flags = [parse_value(text.partition("=")[2], f"--set {text}: ") for text in sets]
    named = [(given, "--set: ") for given in _named(flags)]
    if _is_path(sweep) or path.absolute().is_relative_to(folder):  # one that comes with gantune names nothing of the user's
        found.add(path)
        named += [(given, f"{shown}: ") for given in _named(read_yaml(path, shown).content)]
    for given, where in named:
        file = next((place for place in (path.parent / given, folder / given) if place.is_file()), None)
        if file is None:
            continue  # whoever opens it says so
        if Path(given).is_absolute():
            raise UserError(f"{where}{given} is an absolute path, which the cluster does not have. Name it relative to the sweep's file.")
        found.add(file)
    return _checked({_inside(file, folder): file for file in found if file.is_file()})


def stage(files: Iterable[Path], folder: Path, into: Path) -> None:
    """Copy `files`, which are relative to `folder`, to the same places below `into`."""
    into.chmod(0o755)  # rsync gives the head's folder the same
    for file in files:
        (into / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / file, into / file)


def name_there(sweep: str, folder: Path) -> str:
    """How `sweep` is called in the folder that was shipped."""
    return _inside(Path(sweep).expanduser(), folder).as_posix() if _is_path(sweep) else sweep


def data_of(sweep: str, sets: Sequence[str]) -> list[str]:
    """The data sets that the sweep's file or its flags name."""
    flags = [text.partition("=")[2].strip() for text in sets if text.partition("=")[0].strip() == "data"]
    content = read_yaml(*bundled.find("sweeps", sweep)).content
    sections = [content, content["on_gpu"]] if isinstance(content.get("on_gpu"), dict) else [content]
    return flags or [str(section["data"]) for section in sections if "data" in section]


def _is_path(sweep: str) -> bool:
    return "/" in sweep or sweep.endswith((".yaml", ".yml"))


def _inside(file: Path, folder: Path) -> Path:
    try:
        return Path(os.path.normpath(file.absolute())).relative_to(folder)
    except ValueError:
        raise UserError(
            f"{file} lies outside {folder}, which is what goes to the cluster. Call gantune in a folder that holds both."
        ) from None


def _named(content: Any) -> Iterator[str]:
    """Every file that a text in `content` names."""
    if isinstance(content, str):
        match = NAMED.fullmatch(content.strip())
        if match is not None:
            yield match["code"] or match["file"]
    elif isinstance(content, dict):
        for part in content.items():  # a rule with options is the key of them
            yield from _named(part)
    elif isinstance(content, (list, tuple)):
        for part in content:
            yield from _named(part)


def _checked(files: dict[Path, Path]) -> list[Path]:
    sizes = {name: file.stat().st_size for name, file in files.items()}
    if sum(sizes.values()) > MOST:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
        listed = ", ".join(f"{name} ({sizes[name] / 2**20:.1f} MB)" for name in largest)
        total = f"{sum(sizes.values()) / 2**20:.1f} MB"
        raise UserError(
            f"the files that this sweep needs are {total}, and at most {MOST / 2**20:g} MB are shipped: {listed}.\n"
            "Keep data on the cluster's storage, and other code in a folder of its own."
        )
    return sorted(files)

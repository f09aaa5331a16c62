"""Where sweeps and spaces are found: the working directory first, then those that come with gantune."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from gantune.errors import UserError, did_you_mean
from gantune.yaml_file import read_yaml

Kind = Literal["sweeps", "search_spaces"]
NOUN = {"sweeps": "sweep", "search_spaces": "space"}


def bundled_folder(kind: Kind) -> Path:
    """gantune's own files of a kind: inside an installed wheel, or at the top of a checkout."""
    installed = Path(__file__).parent / "_bundled" / kind
    return installed if installed.is_dir() else Path(__file__).parents[1] / kind


def names(kind: Kind) -> tuple[str, ...]:
    """Every name that can be given without a path, sorted."""
    folders = (Path.cwd() / kind, bundled_folder(kind))
    return tuple(sorted({file.stem for folder in folders if folder.is_dir() for file in folder.glob("*.yaml")}))


def find(kind: Kind, ref: str, beside: Path | None = None) -> tuple[Path, str]:
    """The file that `ref` names, and how to call it in messages.

    A path (one that ends in .yaml or has a slash) is taken as it is, relative to the folder `beside` where that has it.
    A name is looked for as ./KIND/NAME.yaml in the working directory, then among the bundled ones.
    Raises `UserError` with the nearest name when there is none.
    """
    if "/" in ref or ref.endswith((".yaml", ".yml")):
        given = Path(ref).expanduser()
        places = [given] if beside is None or given.is_absolute() else [beside / given, given]
        for place in places:
            if place.is_file():
                return place, str(place)
        raise UserError(f"{NOUN[kind]} {ref!r}: there is no such file.")
    for folder in (Path(kind), bundled_folder(kind)):
        file = folder / f"{ref}.yaml"
        if file.is_file():
            return file, f"{kind}/{ref}.yaml"
    raise UserError(f"unknown {NOUN[kind]} {ref!r}. {did_you_mean(ref, names(kind))} Your own: {kind}/{ref}.yaml, or a path.")


def list_spaces() -> list[dict[str, Any]]:
    """What there is to search: name, file, and the names that each space searches."""
    listed = []
    for name in names("search_spaces"):
        path, shown = find("search_spaces", name)
        content = read_yaml(path, shown).content
        searched = [key for key, entry in content.items() if isinstance(entry, dict) and not entry.keys() & {"derive", "fixed"}]
        listed.append({"name": name, "path": str(path), "parameters": searched})
    return listed

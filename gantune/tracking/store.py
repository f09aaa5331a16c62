"""The runs folder: which sweeps there are, what their names mean, and the frozen description of each."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantune.durable import to_disk
from gantune.errors import UserError, did_you_mean

SWEEP = "sweep.json"
LATEST = "latest"


def list_sweeps(runs: Path) -> list[Path]:
    """Folders of all sweeps in `runs`, the earliest first."""
    if not runs.is_dir():
        return []
    found = [entry for entry in runs.iterdir() if (entry / SWEEP).is_file()]
    return sorted(found, key=lambda folder: (_created(folder), _parted(folder.name)))


def find_sweep(runs: Path, name: str) -> Path:
    """The folder of `dcgan-2`, of the latest instance of `dcgan`, or of the `latest` of all. `UserError` when there is none."""
    sweeps = list_sweeps(runs)
    if (runs / name / "plan.json").is_file() and not (runs / name / SWEEP).exists():
        raise UserError(
            f"{runs / name} is a single run, no sweep. Its samples: gantune sample {name}; going on: gantune train --from {name}."
        )
    if not sweeps:
        raise UserError(f"there is no sweep in {runs} yet. Start one with `gantune sweep dcgan`, or name the folder with --runs.")
    if name == LATEST:
        return sweeps[-1]
    by_name = {folder.name: folder for folder in sweeps}
    if name in by_name:
        return by_name[name]
    instances = [folder for folder in sweeps if _parted(folder.name)[0] == name]
    if instances:
        return max(instances, key=lambda folder: _parted(folder.name)[1])
    raise UserError(f"there is no sweep {name!r} in {runs}. {did_you_mean(name, {*by_name, *(_parted(given)[0] for given in by_name)})}")


def new_instance(runs: Path, name: str) -> Path:
    """A new, empty folder NAME-1, NAME-2, ...: the next one that nobody has."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        taken = [_parted(entry.name)[1] for entry in runs.iterdir() if _parted(entry.name)[0] == name]
        number = max(taken, default=0) + 1
        while True:
            folder = runs / f"{name}-{number}"
            try:
                folder.mkdir()
            except FileExistsError:  # another sweep started at the same time
                number += 1
            else:
                return folder
    except OSError as error:
        raise UserError(f"the runs folder {runs} cannot be written: {error.strerror}. Choose another with --runs.") from None


def freeze(folder: Path, spec: Mapping[str, Any], **about: Any) -> None:
    """Write the sweep's resolved `spec` and what else is known at its start (versions, data); it never changes afterwards."""
    content = {"name": folder.name, "created": round(time.time(), 3), "spec": dict(spec), **about}
    partial = folder / f".{SWEEP}.{os.getpid()}"
    partial.write_text(json.dumps(content, indent=1))
    to_disk(partial)
    os.replace(partial, folder / SWEEP)
    for names in (folder, folder.parent):
        to_disk(names)


def frozen(folder: Path) -> dict[str, Any]:
    """What `freeze` wrote: {name, created, spec, ...}. `UserError` when it is missing or damaged."""
    path = folder / SWEEP
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{folder} is no sweep: it has no {SWEEP}.") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}). Restore it from a copy; the sweep cannot be read without it.") from None
    if not isinstance(content, dict) or not isinstance(content.get("spec", content), dict):
        raise UserError(f"{path} is not the description of a sweep.")
    return content if "spec" in content else {"spec": content}


def _created(folder: Path) -> float:
    try:
        return float(json.loads((folder / SWEEP).read_text())["created"])
    except (ValueError, KeyError, TypeError):  # damaged: still listed, and refused with its reason when opened
        return (folder / SWEEP).stat().st_mtime


def _parted(name: str) -> tuple[str, int]:
    """`dcgan-12` → ("dcgan", 12); a name without a number → (name, 0)."""
    match = re.fullmatch(r"(.+)-(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def family_name(instance: str) -> str:
    """`dcgan-2` → `dcgan`."""
    return _parted(instance)[0]

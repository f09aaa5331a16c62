"""Space files: found, read, checked against the family, and joined with what the sweep fixes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gantune import bundled
from gantune.config import Config
from gantune.errors import UserError, did_you_mean
from gantune.families import open_family
from gantune.space.admission import admitted
from gantune.space.checks import check_conditions, check_derived, check_known, check_points, without_unmet
from gantune.space.domain import Domain
from gantune.space.entries import read_entry
from gantune.space.expression import names_in
from gantune.space.order import in_order
from gantune.space.python import LOOKS, PythonSpace
from gantune.space.space import SearchSpace
from gantune.yaml_file import YamlFile, read_yaml


@dataclass(frozen=True)
class Pins:
    """Values that the sweep fixes: by its file, and by `--set`, which may also replace what the space searches."""

    file: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""  # of the file's section, for messages
    typed: Mapping[str, str] = field(default_factory=dict)  # each flag as the user wrote it, for messages

    def where_of(self, name: str) -> str:
        """Where the value of `name` was given: `--set lr_g=-1: `, or the place in the file."""
        return f"{self.typed.get(name, f'--set {name}')}: " if name in self.flags else self.where


def open_space(ref: str, family: str, pins: Pins | None = None, beside: Path | None = None) -> tuple[SearchSpace, list[str]]:
    """The space `ref` names for a family: a bundled or own YAML file, or `./my_space.py:function`; and notes for the user.

    Raises `UserError` that names file and key for everything that cannot work.
    """
    pins = pins or Pins()
    found, shown = find_space(ref, beside)
    _, colon, function = ref.rpartition(":")
    if colon:
        return _python_space(PythonSpace.read(found, function), family, pins)
    return space_of(read_yaml(found, shown), family, pins)


def find_space(ref: str, beside: Path | None = None) -> tuple[Path, str]:
    """The file that `ref` names, and how messages call it. A relative path is looked for in the folder `beside` first."""
    path, colon, _ = ref.rpartition(":")
    if not colon:
        return bundled.find("search_spaces", ref, beside)
    file = Path(path).expanduser()
    near = file if beside is None or file.is_absolute() or not (beside / file).is_file() else beside / file
    if not path.endswith(".py") or not near.is_file():
        raise UserError(f"space {ref!r}: there is no Python file {path}. A function is given as ./my_space.py:function")
    return near, str(near)


def space_of(file: YamlFile, family: str, pins: Pins | None = None) -> tuple[SearchSpace, list[str]]:
    """The space in a file that has been read."""
    own, left_out = admitted(file, open_family(family).name)
    space, notes = member_of(own, family, pins or Pins())
    return space, notes + not_searched(left_out)


def not_searched(names: Sequence[str]) -> list[str]:
    """A note that parameters are left out; none where there are none."""
    if not names:
        return []
    are = "is not searched, as its condition is" if len(names) == 1 else "are not searched, as their conditions are"
    return [f"{', '.join(names)} {are} on families that are not in this sweep"]


def member_of(file: YamlFile, family: str, pins: Pins, *, leaving_unmet: bool = False) -> tuple[SearchSpace, list[str]]:
    """The space of one family in a file without conditions on the family. With `leaving_unmet` a parameter that could never be
    searched is left out, since it may be there for another family."""
    opened = open_family(family)
    defaults = Config.of(opened, opened.default_data, {}).flat()
    bare = SearchSpace(family, file.shown, defaults=defaults)
    declared = bare.declared
    parameters: dict[str, Domain] = {}
    derived: dict[str, str] = {}
    fixed: dict[str, Any] = {}
    for name, entry in file.content.items():
        found = read_entry(name, entry, declared.get(name), file.where((name,)))
        if isinstance(found, Domain):
            parameters[name] = found
        elif found.derive is not None:
            derived[name] = found.derive
        else:
            fixed[name] = found.value
    written = replace(bare, parameters=parameters, derived=derived, fixed=fixed)
    check_known(written, file)
    check_derived(written, file)
    in_order(parameters, derived, f"{file.shown}: ")
    space, notes = _pin(written, pins, file)
    space = without_unmet(space) if leaving_unmet else space
    notes += check_conditions(space, file, pins.flags)
    check_points(space)
    return space, notes


def _pin(space: SearchSpace, pins: Pins, file: YamlFile) -> tuple[SearchSpace, list[str]]:
    """Fix what the sweep fixes; a flag takes a name out of the search, a file may not."""
    notes: list[str] = []
    parameters, derived, fixed = dict(space.parameters), dict(space.derived), dict(space.fixed)
    declared = space.declared
    for name, value in {**pins.file, **pins.flags}.items():
        where = pins.where_of(name)
        known = {*declared, *parameters, *derived, *fixed}
        if name not in known:
            raise UserError(f"{where}unknown parameter {name!r}. {did_you_mean(name, known)}")
        checked = declared[name].check(value, where) if name in declared else value
        if name in pins.flags:
            if name in parameters or name in derived:
                doing = "search over" if name in parameters else "derivation of"
                notes.append(f"the {doing} {name} is replaced by {value!r}, as --set says")
            parameters.pop(name, None)
            derived.pop(name, None)
        elif name in parameters or name in derived:
            doing = "searched" if name in parameters else "derived"
            raise UserError(
                f"{where}{name} is fixed at {value!r} there, and {doing} in {file.where((name,)).removesuffix(': ')}. "
                f"Leave out one of the two, or give --set {name}={value}."
            )
        elif fixed.get(name, checked) != checked:
            notes.append(f"{name}: the sweep's {value!r} is taken instead of the space's {fixed[name]!r}")
        fixed[name] = checked
    fed = {name for text in derived.values() for name in names_in(text, "")}
    for name in sorted(parameters.keys() - declared.keys() - fed):
        if any(name in names_in(space.derived[pinned], "") for pinned in pins.flags if pinned in space.derived):
            del parameters[name]
            notes.append(f"{name} is no longer searched, as only a value that --set replaces was derived from it")
    return replace(space, parameters=parameters, derived=derived, fixed=fixed), notes


def _python_space(python: PythonSpace, family: str, pins: Pins) -> tuple[SearchSpace, list[str]]:
    opened = open_family(family)
    defaults = Config.of(opened, opened.default_data, {}).flat()
    source = f"{Path(python.path).name}:{python.function}"
    space = SearchSpace(family, source, fixed={**pins.file, **pins.flags}, defaults=defaults, python=python)
    rng = random.Random(0)
    returned = {name for _ in range(LOOKS) for name in python.replay(space.draw(rng))}
    for name, value in pins.file.items():
        if name in returned and name not in pins.flags:
            raise UserError(
                f"{pins.where}{name} is fixed at {value!r} there, and returned by {source}. Leave out one of the two, "
                f"or give --set {name}={value}."
            )
    notes = [f"the search over {name} is replaced by {value!r}, as --set says" for name, value in pins.flags.items() if name in returned]
    check_points(space)
    return space, notes

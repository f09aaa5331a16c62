"""One space file read for several families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.families import open_family
from gantune.space.admission import admitted, families_of
from gantune.space.checks import fed_names
from gantune.space.entries import searched
from gantune.space.reading import Pins, find_space, member_of, not_searched
from gantune.space.space import SearchSpace
from gantune.space.zoo import ZooSpace
from gantune.yaml_file import YamlFile, read_yaml


def open_zoo(ref: str, families: Sequence[str], pins: Pins | None = None, beside: Path | None = None) -> tuple[ZooSpace, list[str]]:
    """The space `ref` names for several families, and notes for the user. Raises `UserError` for everything that cannot work."""
    found, shown = find_space(ref, beside)
    if ":" in ref:
        raise UserError(f"space {ref}: a Python function searches for one family; for several write a YAML file.")
    return zoo_of(read_yaml(found, shown), families, pins)


def zoo_of(file: YamlFile, families: Sequence[str], pins: Pins | None = None) -> tuple[ZooSpace, list[str]]:
    """The space in a file that has been read."""
    pins = pins or Pins()
    refs = {open_family(ref).name: ref for ref in families}
    assert len(refs) == len(families), "the sweep's families have different names"
    declared = {name: SearchSpace(ref, file.shown).declared for name, ref in refs.items()}
    _check_shared(file, declared)
    _check_pins(file, declared, pins)
    members: dict[str, SearchSpace] = {}
    notes: list[str] = []
    for name, ref in refs.items():
        own, _ = admitted(file, name, refs)
        own = _without_foreign_constants(own, declared[name])
        known = {*declared[name], *own.content}
        members[name], more = member_of(own, ref, _of(pins, known), leaving_unmet=True)
        notes += more
    notes += _check_searched(file, members, pins, declared)
    return ZooSpace(members), list(dict.fromkeys(notes))


def _check_shared(file: YamlFile, declared: Mapping[str, Mapping[str, Any]]) -> None:
    """A searched parameter is one of every family that its condition admits."""
    for name in file.content:
        if name in fed_names(file.content) or not searched(file.content[name]):
            continue
        for family in families_of(file, name, declared) or declared:
            if family in declared and name not in declared[family]:
                having = [other for other in declared if name in declared[other]]
                names = sorted({parameter for params in declared.values() for parameter in params})
                advice = f"Give it a condition: when: {{family: [{', '.join(having)}]}}." if having else did_you_mean(name, names)
                raise UserError(f"{file.where((name,))}family {family} has no such parameter, and nothing is derived from it. {advice}")


def _check_pins(file: YamlFile, declared: Mapping[str, Mapping[str, Any]], pins: Pins) -> None:
    known = sorted({*file.content, *(name for params in declared.values() for name in params)})
    for name in (*pins.file, *pins.flags):
        if name not in known:
            raise UserError(f"{pins.where_of(name)}no family has a parameter {name!r}. {did_you_mean(name, known)}")


def _check_searched(file: YamlFile, members: Mapping[str, SearchSpace], pins: Pins, declared: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Notes on what none of these families searches and on fixed values that only some have."""
    notes, foreign = [], []
    for name in (name for name, entry in file.content.items() if searched(entry) and name not in pins.flags):
        families = families_of(file, name, members)
        if not any(name in member.parameters for member in members.values()):
            if families is not None and not set(families) & set(members):
                foreign.append(name)
            elif not pins.flags:
                raise UserError(f"{file.where((name,))}its condition is never met, so {name} would never be searched. Leave it out.")
            else:
                notes.append(f"{name} is not searched, as what --set says does not meet its condition")
    notes += not_searched(foreign)
    for name in (*pins.file, *pins.flags):
        having = [family for family in members if name in declared[family]]
        if having and len(having) < len(members):
            notes.append(f"{name} is fixed for the families that have it: {', '.join(having)}")
    return notes


def _without_foreign_constants(file: YamlFile, declared: Mapping[str, Any]) -> YamlFile:
    """Fixed and derived values are for the families that have them."""
    fed = fed_names(file.content)
    return replace(
        file, content={name: entry for name, entry in file.content.items() if name in declared or name in fed or searched(entry)}
    )


def _of(pins: Pins, known: set[str]) -> Pins:
    def own(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name in known}

    return replace(pins, file=own(pins.file), flags=own(pins.flags))

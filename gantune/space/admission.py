"""Conditions on the family: which entries of a space file a family takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.families import family_names
from gantune.space.zoo import FAMILY
from gantune.yaml_file import YamlFile


def families_of(file: YamlFile, name: str, among: Collection[str]) -> tuple[str, ...] | None:
    """The families that the entry `name` is for; None where it does not say. `among` names those of the sweep, of which some may
    be the user's own. `UserError` for a name that no family has."""
    if name == FAMILY:
        raise UserError(f"{file.where((name,))}which families there are stands in the sweep file, as family: [gan, dcgan].")
    entry = file.content[name]
    when = entry.get("when") if isinstance(entry, Mapping) else None
    if not isinstance(when, Mapping) or FAMILY not in when:
        return None
    given = when[FAMILY]
    families = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    known = list(dict.fromkeys([*among, *family_names()]))
    for family in families:
        if family not in known:
            raise UserError(f"{file.where((name, 'when', FAMILY))}unknown family {family!r}. {did_you_mean(str(family), known)}")
    return families


def admitted(file: YamlFile, family: str, among: Collection[str] = ()) -> tuple[YamlFile, tuple[str, ...]]:
    """The file as it reads for `family`, whose name that is: conditions on the family are met and gone, or their entries are, which
    are then named."""
    entries: dict[str, Any] = {}
    left_out = []
    for name, entry in file.content.items():
        families = families_of(file, name, {family, *among})
        if families is None:
            entries[name] = entry
        elif family in families:
            others = {other: values for other, values in entry["when"].items() if other != FAMILY}
            kept = {key: value for key, value in entry.items() if key != "when"}
            entries[name] = {**kept, "when": others} if others else kept
        else:
            left_out.append(name)
    return replace(file, content=entries), tuple(left_out)

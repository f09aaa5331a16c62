"""What a space must hold to: known names, conditions that can be met, derivations that have a value."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.space.expression import names_in
from gantune.space.space import SearchSpace
from gantune.yaml_file import YamlFile

POINTS = 128  # random points at which derived values are tried
CORNERS = 2**8


def fed_names(content: Mapping[str, Any]) -> set[str]:
    """The names that the derivations of a space file read, as far as these can be read."""
    fed: set[str] = set()
    for entry in content.values():
        with suppress(UserError):  # what is no expression is told when its entry is read
            fed |= names_in(entry["derive"], "") if isinstance(entry, Mapping) and "derive" in entry else set()
    return fed


def check_known(space: SearchSpace, file: YamlFile) -> None:
    """Every name is a parameter of the family, or feeds a derivation."""
    fed = {name for text in space.derived.values() for name in names_in(text, "")}
    declared = space.declared
    for name in (*space.parameters, *space.derived, *space.fixed):
        if name not in declared and name not in fed:
            raise UserError(
                f"{file.where((name,))}family {space.family} has no such parameter, and nothing is derived from it. "
                f"{did_you_mean(name, declared)}"
            )


def check_derived(space: SearchSpace, file: YamlFile) -> None:
    """Derivations read names that exist and are always there."""
    known = {*space.declared, *space.parameters, *space.derived, *space.fixed}
    for name, text in space.derived.items():
        where = file.where((name,))
        for needed in sorted(names_in(text, where)):
            if needed not in known:
                raise UserError(f"{where}{text!r} reads {needed!r}, which is not in the space. {did_you_mean(needed, known)}")
            if needed in space.parameters and space.parameters[needed].when and needed not in space.declared:
                raise UserError(f"{where}{text!r} reads {needed!r}, which is there only sometimes (its `when`).")


def check_conditions(space: SearchSpace, file: YamlFile, flags: Mapping[str, Any]) -> list[str]:
    """Conditions read names that exist, and values that these can take. Notes on what --set took out of the search."""
    notes = []
    known = {*space.declared, *space.parameters, *space.derived, *space.fixed}
    for name, domain in space.parameters.items():
        for other, values in domain.when.items():
            where = file.where((name, "when", other))
            if other not in known:
                raise UserError(f"{where}the condition is on {other!r}, which is no parameter. {did_you_mean(other, known)}")
            if other == name:
                raise UserError(f"{where}a parameter cannot be its own condition.")
            if other in space.derived:
                raise UserError(f"{where}{other} is derived; a condition reads a searched choice or whole number, or a fixed value.")
            if other in space.parameters:
                against = space.parameters[other]
                if against.size is None:
                    raise UserError(f"{where}{other} is searched in {against}; a condition reads a choice or whole number.")
                impossible = [value for value in values if not against.contains(value)]
                if impossible:
                    raise UserError(f"{where}{other} can never be {impossible[0]!r}: it is searched in {against}.")
                continue
            constant = space.fixed.get(other, space.defaults.get(other))
            if constant not in values:
                if other not in flags:
                    raise UserError(
                        f"{where}{other} is always {constant!r}, so {name} would never be searched. Search {other}, or leave {name} out."
                    )
                notes.append(f"{name} is not searched, as --set {other}={constant} does not meet its condition")
    return notes


def without_unmet(space: SearchSpace) -> SearchSpace:
    """The space without the parameters that are never there, as their conditions are on values that are fixed or the family's own."""

    def is_met(other: str, values: tuple[Any, ...]) -> bool:
        return other in space.parameters or other in space.derived or space.fixed.get(other, space.defaults.get(other)) in values

    kept = {name: domain for name, domain in space.parameters.items() if all(is_met(*condition) for condition in domain.when.items())}
    return replace(space, parameters=kept)


def check_points(space: SearchSpace) -> None:
    """Every value of a run is one that the family allows, at the corners of the space and at random points within it."""
    if space.python is None and not space.derived and not space.fixed:
        return
    rng = random.Random(0)
    for _ in range(POINTS):
        _resolve(space, space.draw(rng))
    if space.python is not None:
        return
    names = list(space.parameters)[: CORNERS.bit_length() - 1]
    for ends in itertools.product((0.0, 1.0), repeat=len(names)):
        corner = dict(zip(names, ends, strict=True))
        _resolve(space, space.walk(lambda name, domain, corner=corner: domain.at(corner.get(name, 0.5)))[0])  # type: ignore[misc]


def _resolve(space: SearchSpace, params: dict[str, Any]) -> None:
    try:
        space.resolve(params)
    except UserError as error:
        at = ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items())
        raise UserError(f"{error} This happens at {at or 'its fixed values'}.") from None

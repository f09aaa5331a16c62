"""`--set a.b=c`: values given on the command line, over those of the file."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.params import Param, lookup
from gantune.spec.document import KEYS
from gantune.yaml_file import parse_value

ONE_NAMED = ("sampler", "scheduler")  # sections that are a name, or one name with its options


@dataclass(frozen=True)
class Set:
    """One flag: `keys` lead to the place in the file, `flag` is what was typed, for messages."""

    flag: str
    keys: tuple[str, ...]
    value: Any


def read_sets(sets: Iterable[str], parameters: Iterable[str] = ()) -> list[Set]:
    """Flags such as `budget.kimg=20` or `lr_g=2e-4`; a name without a dot that is no key of a sweep file is a parameter to fix.

    The value is read as YAML. `UserError` names the flag; `parameters` are what a hint may propose beside the keys.
    """
    return [_read(text, parameters) for text in sets]


def parse_sets(sets: Iterable[str], declared: Mapping[str, Param], prefix: str = "") -> dict[str, Any]:
    """Flags that set parameters only, `lr_g=2e-4` or `fixed.lr_g=2e-4`, as for a single run. `UserError` names the flag as typed, with the
    `prefix` that was taken off."""
    values: dict[str, Any] = {}
    for text in sets:
        name, value = _split(text, prefix)
        name, where = name.removeprefix("fixed."), f"--set {prefix}{text}: "
        if name == "metrics" and name not in declared:
            raise UserError(f"{where}give one of them, such as metrics.extractor=raw.")
        if name.partition(".")[0] in KEYS and name not in declared:
            raise UserError(f"{where}{name} is a setting of sweeps; a single run is given its family's parameters, and metrics.")
        values[name] = lookup(declared, name, where).check(value, where)
    return values


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `over`, mapping by mapping. A sampler or scheduler of another name replaces the one of `base`."""
    merged = dict(copy.deepcopy(base))
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, str) and isinstance(value, Mapping) and set(value) == {old}:
            old = {old: {}}
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not (key in ONE_NAMED and set(old) != set(value)):
            merged[key] = merge(old, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def applied(content: Mapping[str, Any], sets: Sequence[Set]) -> dict[str, Any]:
    """`content` with every flag's value in its place. `UserError` where the way leads through something that is no mapping."""
    merged = dict(content)
    for one in sets:
        place: Any = merged
        for depth, key in enumerate(one.keys[:-1]):
            place = place.get(key)
            named = isinstance(place, str) and one.keys[0] in ONE_NAMED
            if place is not None and not isinstance(place, Mapping) and not named:
                raise UserError(f"{one.flag}: {'.'.join(one.keys[: depth + 1])} is {place!r}, which has no keys. Give it as a whole.")
            if place is None or named:
                break
        nested: Any = one.value
        for key in reversed(one.keys):
            nested = {key: nested}
        merged = merge(merged, nested)
    return merged


def _read(text: str, parameters: Iterable[str]) -> Set:
    name, value = _split(text)
    keys = tuple(name.split("."))
    if keys[0] == "on_gpu":
        raise UserError(f"--set {text}: on_gpu is what the file says for GPUs; set the value itself: --set {'.'.join(keys[1:])}=...")
    if keys[0] in KEYS:
        return Set(f"--set {text}", keys, value)
    if len(keys) > 1:
        raise UserError(f"--set {text}: unknown key {keys[0]!r}. {did_you_mean(keys[0], KEYS)}")
    if keys[0] not in set(parameters):
        raise UserError(f"--set {text}: no key of a sweep and no parameter is called {name!r}. {did_you_mean(name, [*KEYS, *parameters])}")
    return Set(f"--set {text}", ("fixed", name), value)


def _split(text: str, prefix: str = "") -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not all(name.split(".")) or not value.strip():
        raise UserError(f"--set {prefix}{text}: is written NAME=VALUE, such as --set lr_g=2e-4 or --set budget.kimg=20.")
    return name, parse_value(value, f"--set {prefix}{text}")

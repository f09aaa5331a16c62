"""One entry of a space file: a range, choices, a derivation or a fixed value."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.params import Param
from gantune.space.domain import KINDS, RANGES, Domain, Kind
from gantune.space.expression import names_in

KEYS = (*KINDS, "derive", "fixed", "when")
EXAMPLES = {"log": "[1e-5, 1e-2]", "uniform": "[0, 0.9]", "int": "[1, 8]", "int_log": "[16, 256]", "choice": "[1, 2, 5]"}


@dataclass(frozen=True)
class Constant:
    """An entry that is not searched: `derive` holds its expression, or `value` its value."""

    derive: str | None = None
    value: Any = None


def read_entry(name: str, entry: Any, param: Param | None, where: str) -> Domain | Constant:
    """The entry of `name`, checked against its declaration (None for a name that only feeds derivations)."""
    if not isinstance(entry, Mapping) or not all(isinstance(key, str) for key in entry):
        if isinstance(entry, (list, tuple)):
            raise UserError(
                f"{where}a list alone says too little, got {entry!r}. Write {{choice: {entry!r}}}, {{uniform: [a, b]}} or {{log: [a, b]}}."
            )
        return Constant(value=_checked(entry, param, where))
    for key in entry:
        if key not in KEYS:
            raise UserError(f"{where}unknown key {key!r}. {did_you_mean(key, KEYS)}")
    kinds = [key for key in entry if key != "when"]
    if len(kinds) != 1:
        raise UserError(f"{where}needs exactly one of {', '.join(KEYS[:-1])}; got {', '.join(kinds) or 'none'}.")
    kind, content = kinds[0], entry[kinds[0]]
    if kind in ("derive", "fixed") and "when" in entry:
        raise UserError(f"{where}`when` goes with a searched range or choice, not with {kind}.")
    if kind == "derive":
        names_in(content, where)
        return Constant(derive=content)
    if kind == "fixed":
        return Constant(value=_checked(content, param, where))
    when = _conditions(entry["when"], where) if "when" in entry else {}
    if kind == "choice":
        return Domain("choice", choices=_choices(content, param, where), when=when)
    return _range(next(known for known in RANGES if known == kind), content, param, where, when)


def searched(entry: Any) -> bool:
    """Whether an entry of a space file is a range or a choice, as far as it can be read."""
    return isinstance(entry, Mapping) and not entry.keys() & {"derive", "fixed"}


def _range(kind: Kind, content: Any, param: Param | None, where: str, when: Mapping[str, tuple[Any, ...]]) -> Domain:
    example = f"Try {{{kind}: {EXAMPLES[kind]}}}."
    if not isinstance(content, (list, tuple)) or len(content) != 2:
        raise UserError(f"{where}{_a(kind)} range is two numbers, from and to, got {content!r}. {example}")
    for end in content:
        if isinstance(end, bool) or not isinstance(end, (int, float)) or not abs(end) <= sys.float_info.max:
            raise UserError(f"{where}{_a(kind)} range is two finite numbers, got {content!r}. {example}")
        if kind in ("int", "int_log") and end != int(end):
            raise UserError(f"{where}{_a(kind)} range is two whole numbers, got {content!r}. {example}")
    low, high = content
    if kind in ("log", "int_log") and low <= 0:
        best = f"Try [{min(0.01, high / 10):g}, {high:g}]." if kind == "log" and high > 0 else example
        raise UserError(f"{where}{_a(kind)} range must start above 0, got [{low:g}, {high:g}]. {best}")
    if low > high:
        raise UserError(f"{where}the range [{low:g}, {high:g}] is reversed. Try [{high:g}, {low:g}].")
    if low == high:
        raise UserError(f"{where}the range [{low:g}, {high:g}] is empty. To keep the value: {{fixed: {low:g}}}.")
    if param is not None:
        if param.kind not in (int, float):
            raise UserError(f"{where}{param.name} is {param.allowed}, so a range does not fit. Use {{choice: [...]}}.")
        if param.kind is int and kind in ("log", "uniform"):
            whole = "int_log" if kind == "log" else "int"
            raise UserError(
                f"{where}{param.name} is a whole number, got the range {{{kind}: {list(content)}}}. Use {{{whole}: {list(content)}}}."
            )
        if param.choices is not None:
            raise UserError(f"{where}{param.name} is {param.allowed}, so a range does not fit. Use {{choice: [...]}}.")
        low, high = (_checked(end, param, where) for end in (low, high))
    return Domain(kind, float(low), float(high), when=when)


def _choices(content: Any, param: Param | None, where: str) -> tuple[Any, ...]:
    if not isinstance(content, (list, tuple)) or not content:
        raise UserError(f"{where}a choice is a list of at least one value, got {content!r}. Try {{choice: {EXAMPLES['choice']}}}.")
    choices: list[Any] = []
    for value in content:
        checked = _checked(value, param, where)
        if any(checked == other and type(checked) is type(other) for other in choices):
            raise UserError(f"{where}the choice {value!r} stands twice in {content!r}.")
        choices.append(checked)
    return tuple(choices)


def _conditions(content: Any, where: str) -> dict[str, tuple[Any, ...]]:
    if not isinstance(content, Mapping) or not content or not all(isinstance(name, str) for name in content):
        raise UserError(f"{where}`when` maps another parameter to the values it must have, as {{g_loss: [minimax]}}; got {content!r}.")
    return {name: tuple(values) if isinstance(values, (list, tuple)) else (values,) for name, values in content.items()}


def _checked(value: Any, param: Param | None, where: str) -> Any:
    """`value` as the parameter takes it; for a name that only feeds derivations, a finite number or a text."""
    if param is not None:
        return param.check(value, _above(where, param.name))
    if isinstance(value, (str, bool)) or (isinstance(value, (int, float)) and abs(value) <= sys.float_info.max):
        return value
    raise UserError(f"{where}a number or a text is needed, got {value!r}.")


def _above(where: str, name: str) -> str:
    """`where` without its last key, as `Param.check` says the name itself."""
    return where.removesuffix(f"{name}: ")


def _a(kind: str) -> str:
    return f"an {kind}" if kind.startswith("int") else f"a {kind}"

"""Declared parameters: every setting carries its type, range, default and meaning.

A settings class is a frozen dataclass whose fields are made with `param`. The declaration is read by the trainer (defaults),
by the search space (what may be searched, within which range), by the command line (what `--set` accepts) and by the docs.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from gantune.errors import UserError, did_you_mean

T = TypeVar("T")
LARGEST = 1e300  # beyond it arithmetic on a setting overflows


@dataclass(frozen=True)
class Param:
    """One declared parameter. `low` and `high` are inclusive unless marked open."""

    name: str
    kind: type  # float, int, bool or str
    default: Any
    doc: str
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    choices: tuple[Any, ...] | None = None
    schedule: bool = False  # accepts {kimg: value}, too

    @property
    def allowed(self) -> str:
        """What may be given, in words: `a number in (0, 1]`, `one of adam, rmsprop, sgd`."""
        if self.choices is not None:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        noun = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}[self.kind]
        low, high = ("-inf" if self.low is None else f"{self.low:g}"), ("inf" if self.high is None else f"{self.high:g}")
        if self.low is None and self.high is None:
            return noun
        left = "(" if self.open_low or self.low is None else "["
        right = ")" if self.open_high or self.high is None else "]"
        return f"{noun} in {left}{low}, {high}{right}"

    def check(self, value: Any, where: str = "") -> Any:
        """`value` in this parameter's type, or `UserError` that names it, the value and what is allowed."""
        if self.schedule and isinstance(value, Mapping):
            return self._check_schedule(value, where)
        if self.schedule and isinstance(value, (tuple, list)):  # its own stored form, ((kimg, value), ...)
            return self._check_schedule(value, where)
        problem = UserError(f"{where}{self.name} is {self.allowed}, got {value!r}.")
        if self.kind is bool or isinstance(value, bool):
            if self.kind is bool and isinstance(value, bool):
                return value
            raise problem
        if self.kind in (int, float):
            if not isinstance(value, (int, float)) or not -LARGEST <= value <= LARGEST or (self.kind is int and value != int(value)):
                raise problem  # NaN and infinity are in no range
            value = self.kind(value)
        elif not isinstance(value, self.kind):
            raise problem
        if self.choices is not None and value not in self.choices:
            raise UserError(f"{where}{self.name} is {self.allowed}, got {value!r}. {_hint(value, self.choices)}".rstrip())
        if self.low is not None and (value < self.low or (self.open_low and value == self.low)):
            raise problem
        if self.high is not None and (value > self.high or (self.open_high and value == self.high)):
            raise problem
        return value

    def _check_schedule(self, steps: Mapping[Any, Any] | Sequence[Any], where: str) -> tuple[tuple[float, Any], ...]:
        plain = dataclasses.replace(self, schedule=False)
        try:
            table = sorted((float(start), plain.check(value, where)) for start, value in dict(steps).items())
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"{where}{self.name}: a schedule maps kimg to values, such as {{0: 5, 20: 1}}.") from None
        if not table or table[0][0] != 0 or not all(start <= LARGEST for start, _ in table):
            raise UserError(f"{where}{self.name}: a schedule starts at kimg 0, such as {{0: 5, 20: 1}}.")
        return tuple(table)


def param(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    open_low: bool = False,
    open_high: bool = False,
    choices: tuple[Any, ...] | None = None,
    schedule: bool = False,
) -> Any:
    """A dataclass field that declares its range, choices and meaning; `schedule` also admits `{kimg: value}`."""
    declared = {
        "doc": doc,
        "low": low,
        "high": high,
        "open_low": open_low,
        "open_high": open_high,
        "choices": choices,
        "schedule": schedule,
    }
    return dataclasses.field(default=default, metadata={"param": declared})


@cache
def params_of(settings: type) -> dict[str, Param]:
    """The declared parameters of a settings class, by name, in order."""
    hints = typing.get_type_hints(settings)
    declared = {}
    for field in dataclasses.fields(settings):
        if "param" not in field.metadata:
            raise UserError(f'{settings.__name__}.{field.name} is declared as: {field.name}: TYPE = param(DEFAULT, "meaning").')
        kind = hints[field.name]
        if isinstance(kind, types.UnionType):  # a schedule's field is `int | Steps`
            kind = typing.get_args(kind)[0]
        declared[field.name] = Param(field.name, kind, field.default, **field.metadata["param"])
    return declared


def make(settings: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """An instance of a settings class from checked `values`; `UserError` on an unknown name or a value out of range."""
    declared = params_of(settings)  # type: ignore[arg-type]  # classes are hashable, whatever T is
    checked = {name: lookup(declared, name, where).check(value, where) for name, value in values.items()}
    return settings(**checked)


def lookup(declared: Mapping[str, Param], name: str, where: str = "") -> Param:
    """The parameter called `name`, or `UserError` with the nearest one that exists."""
    if name not in declared:
        hint = "It is lr_g x lr_ratio: set lr_ratio." if name == "lr_d" and "lr_ratio" in declared else did_you_mean(name, declared)
        raise UserError(f"{where}unknown parameter {name!r}. {hint}")
    return declared[name]


def _hint(value: Any, choices: tuple[Any, ...]) -> str:
    hint = did_you_mean(str(value), [str(choice) for choice in choices])
    return hint if hint.startswith("Did") else ""

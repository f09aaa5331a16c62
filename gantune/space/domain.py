"""One searched parameter: the values it may take and when it is there at all."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["log", "uniform", "int", "int_log", "choice"]
RANGES: tuple[Kind, ...] = ("log", "uniform", "int", "int_log")
KINDS: tuple[Kind, ...] = (*RANGES, "choice")
HUGE = 1e300  # stands for infinity where distances are taken
Label = str | int | float | bool | None


@dataclass(frozen=True)
class Domain:
    """Values from `low` to `high`, both included, or `choices`; searched only while every condition in `when` holds.

    `when` maps another name to the values that it must have one of.
    """

    kind: Kind
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whole numbers only."""
        return self.kind in ("int", "int_log")

    @property
    def log(self) -> bool:
        """Sampled evenly on a log scale."""
        return self.kind in ("log", "int_log")

    @property
    def size(self) -> int | None:
        """How many values there are; None for a continuous range."""
        if self.kind == "choice":
            return len(self.choices)
        return round(self.high - self.low) + 1 if self.whole else None

    def values(self) -> list[Any]:
        """Every value of a finite domain, in order."""
        assert self.size is not None, "a continuous range has no list of values"
        return list(self.choices) if self.kind == "choice" else list(range(int(self.low), int(self.high) + 1))

    def contains(self, value: Any) -> bool:
        """Whether `value` can be taken."""
        if self.kind == "choice":
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            return False
        return not self.whole or value == int(value)

    def nearest(self, value: Any) -> Any:
        """The value of this domain nearest to `value`, on a log scale where both allow it; the first choice where none is near."""
        if self.contains(value):
            return int(value) if self.whole else value
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
        if self.kind == "choice":
            numbers = [choice for choice in self.choices if isinstance(choice, (int, float)) and not isinstance(choice, bool)]
            if not number or not numbers:
                return self.choices[0]
            return min(numbers, key=lambda choice: _distance(choice, min(max(value, -HUGE), HUGE)))
        if not number:
            return self.at(0.5)
        clipped = min(max(value, self.low), self.high)
        return round(clipped) if self.whole else float(clipped)

    def at(self, u: float) -> Any:
        """The value at the share `u` in [0, 1] of this domain; equal shares are equally likely when searched."""
        if self.kind == "choice":
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)
        value = math.exp(math.log(low) + u * (math.log(high) - math.log(low))) if self.log else low + u * (high - low)
        value = min(max(round(value) if self.whole else value, self.low), self.high)
        return int(value) if self.whole else float(value)

    def label(self, value: Any) -> Label:
        """A choice as the scalar that Optuna knows it by: a list or mapping (a schedule) becomes its JSON text."""
        return value if value is None or isinstance(value, (str, int, float, bool)) else json.dumps(value)

    def of_label(self, label: Label) -> Any:
        """The choice that `label` stands for."""
        return next((choice for choice in self.choices if self.label(choice) == label), label)

    def to_json(self) -> dict[str, Any]:
        """As a dict that JSON can hold."""
        when = {name: list(values) for name, values in self.when.items()}
        return dataclasses.asdict(dataclasses.replace(self, when={})) | {"choices": list(self.choices), "when": when}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Domain:
        """Back from `to_json`."""
        when = {name: tuple(frozen(value) for value in values) for name, values in content["when"].items()}
        return cls(content["kind"], content["low"], content["high"], tuple(frozen(choice) for choice in content["choices"]), when)

    def __str__(self) -> str:
        shown = ", ".join(str(choice) for choice in self.choices) if self.kind == "choice" else f"{self.low:g}, {self.high:g}"
        conditions = " and ".join(f"{name} is {' or '.join(map(str, values))}" for name, values in self.when.items())
        return f"{self.kind} [{shown}]" + (f" when {conditions}" if conditions else "")


def frozen(value: Any) -> Any:
    """Lists as tuples, all the way down: what JSON gives back, in the form in which a parameter stores it."""
    return tuple(frozen(entry) for entry in value) if isinstance(value, (list, tuple)) else value


def _distance(a: float, b: float) -> float:
    return abs(math.log(a / b)) if a > 0 and b > 0 else abs(a - b)

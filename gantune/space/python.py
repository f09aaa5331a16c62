"""Spaces that are a Python function: `def space(trial): return {"lr_g": trial.suggest_float("lr_g", 1e-5, 1e-2, log=True)}`."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gantune.errors import UserError
from gantune.space.domain import Domain
from gantune.user_code import run_file

Choose = Callable[[str, Domain], Any]
LOOKS = 32  # random points at which the function is looked at


class Suggest:
    """What the user's function is called with: Optuna's `suggest_` methods, answered by `choose`. `asked` records the domains."""

    def __init__(self, choose: Choose) -> None:
        self.asked: dict[str, Domain] = {}
        self.params: dict[str, Any] = {}
        self._choose = choose

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number from `low` to `high`."""
        return float(self._ask(name, Domain("log" if log else "uniform", low, high)))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(self._ask(name, Domain("int_log" if log else "int", low, high)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of `choices`."""
        return self._ask(name, Domain("choice", choices=tuple(choices)))

    def _ask(self, name: str, domain: Domain) -> Any:
        if not (domain.choices if domain.kind == "choice" else domain.low <= domain.high and (domain.low > 0 or not domain.log)):
            raise UserError(f"{name}: a range runs from low to high, a log range from above 0, choices are not empty; got {domain}.")
        if name in self.asked:
            if self.asked[name] != domain:
                raise UserError(f"{name} is asked for twice, as {self.asked[name]} and as {domain}.")
            return self.params[name]
        self.asked[name] = domain
        self.params[name] = self._choose(name, domain)
        return self.params[name]


@dataclass(frozen=True)
class PythonSpace:
    """A function from the user's file. The file's text is kept, so that a resumed sweep searches what it searched before."""

    path: str
    function: str
    text: str
    sha256: str

    @classmethod
    def read(cls, path: Path, function: str) -> PythonSpace:
        """The function called `function` in the file at `path`. `UserError` when there is none."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(f"space {path}:{function}: cannot be read: {error.strerror or error}.") from None
        space = cls(str(path.resolve()), function, text, hashlib.sha256(text.encode()).hexdigest())
        _ = space.call  # so that a mistake in the file shows now
        return space

    @cached_property
    def call(self) -> Callable[[Any], Any]:
        """The user's function; running its file happens here."""
        found = getattr(run_file(Path(self.path), "space ", self.text), self.function, None)
        if not callable(found):
            raise UserError(f"space {self.path}: there is no function called {self.function!r} in it.")
        return found  # type: ignore[no-any-return]

    def run(self, choose: Choose) -> tuple[dict[str, Any], Suggest]:
        """Call the function, answering what it asks; gives the values it returned and what it asked."""
        trial = Suggest(choose)
        where = f"space {Path(self.path).name}:{self.function}: "
        try:
            values = self.call(trial)
        except UserError as error:
            raise UserError(f"{where}{error}") from None
        except (Exception, SystemExit) as error:
            raise UserError(f"{where}it raised {type(error).__name__}: {error}") from error
        if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
            raise UserError(f"{where}it returns a dict from parameter names to values, got {values!r:.80}.")
        return values, trial

    def replay(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The values at a sampled point."""
        return self.run(lambda name, domain: params[name])[0]

    @cached_property
    def _seen(self) -> list[dict[str, Domain]]:
        rng = random.Random(0)
        return [self.run(lambda name, domain: domain.at(rng.random()))[1].asked for _ in range(LOOKS)]

    @property
    def varies(self) -> bool:
        """Whether what the function asks for depends on the answers."""
        return any(asked != self._seen[0] for asked in self._seen)

    @property
    def domains(self) -> dict[str, Domain]:
        """What the function asked for at some random points."""
        return {name: domain for asked in self._seen for name, domain in asked.items()}

    def to_json(self) -> dict[str, str]:
        """As a dict that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, str]) -> PythonSpace:
        """Back from `to_json`; the text that was kept is what runs, not the file as it is by now."""
        if hashlib.sha256(content["text"].encode()).hexdigest() != content["sha256"]:
            raise UserError(
                f"space {content['path']}: the text kept with the sweep does not match its hash; the sweep's record is damaged."
            )
        return cls(**content)

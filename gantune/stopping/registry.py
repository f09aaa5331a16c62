"""The stop rules by name, a user's own by `./file.py:Class`, and the order in which they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gantune.curve import Curve
from gantune.errors import UserError, did_you_mean
from gantune.families.base import Equilibrium
from gantune.params import make
from gantune.stopping.d_dead import DDead
from gantune.stopping.d_won import DWon
from gantune.stopping.diverged import Diverged
from gantune.stopping.equilibrium import AtEquilibrium
from gantune.stopping.mode_collapse import ModeCollapse
from gantune.stopping.plateau import Plateau
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import Verdict
from gantune.user_code import run_file, trusting

BY_SEVERITY: tuple[type[Rule], ...] = (Diverged, DDead, DWon, ModeCollapse, AtEquilibrium, Plateau)
RULES: dict[str, type[Rule]] = {str(rule.reason): rule for rule in BY_SEVERITY}


def rule_names() -> tuple[str, ...]:
    """The bundled rules, the most severe first."""
    return tuple(RULES)


def open_rules(
    specs: Sequence[str | Mapping[str, Any]], equilibrium: Equilibrium | None, where: str = "", *, from_user: bool = False
) -> tuple[tuple[Rule, ...], dict[str, str]]:
    """The rules that `specs` name, each a name or {name: {option: value}}, and those that cannot speak for this family: {name: why}.

    Raises `UserError` for an unknown name, a rule named twice, an unknown or impossible option, and with `from_user` also
    for a rule that cannot speak.
    """
    rules: dict[str, Rule] = {}
    inactive: dict[str, str] = {}
    for spec in specs:
        name, options = _parted(spec, where)
        if name in rules or name in inactive:
            raise UserError(f"{where}stop rule {name!r} is named twice.")
        kind = _rule_class(name, where)
        if name in RULES:
            rule = make(kind, options, f"{where}{name}: ")
            why = rule.unfit(equilibrium)
        else:
            with trusting(f"{where}stop rule {name!r}"):
                if "__dataclass_fields__" not in vars(kind):
                    raise UserError(f"{kind.__name__} needs @dataclass(frozen=True) above it.")
                rule = make(kind, options)
                why = rule.unfit(equilibrium)
        if why is None:
            rules[name] = rule
        elif from_user:
            raise UserError(f"{where}stop rule {name!r} cannot be used here: {why}. Leave it out.")
        else:
            inactive[name] = why
    ordered = sorted(rules.values(), key=lambda rule: BY_SEVERITY.index(type(rule)) if type(rule) in BY_SEVERITY else -1)
    return tuple(ordered), inactive


def judge(rules: Sequence[Rule], curve: Curve) -> Verdict:
    """The first verdict that stops, in the order given; `open_rules` gives a user's own first, then the most severe."""
    for rule in rules:
        verdict = rule(curve)
        if verdict.stop:
            return verdict
    return Verdict.CONTINUE


def _parted(spec: str | Mapping[str, Any], where: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(spec, str):
        return spec, {}
    if isinstance(spec, Mapping) and len(spec) == 1:
        [(name, options)] = spec.items()
        if isinstance(options, Mapping):
            return str(name), options
    raise UserError(f"{where}a stop rule is a name or {{name: {{option: value}}}}, got {spec!r}. Such as plateau: {{patience_kimg: 20}}.")


def _rule_class(name: str, where: str) -> type[Rule]:
    if name in RULES:
        return RULES[name]
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise UserError(f"{where}unknown stop rule {name!r}. {did_you_mean(name, RULES)} Your own: ./my_rule.py:MyRule")
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise UserError(f"{where}stop rule {name!r}: there is no file {file}.")
    rule = getattr(run_file(file, f"{where}stop rule {name!r}: "), attribute, None)
    if not (isinstance(rule, type) and issubclass(rule, Rule)):
        raise UserError(f"{where}stop rule {name!r}: {file.name} has no subclass of gantune.stopping.Rule called {attribute}.")
    return rule

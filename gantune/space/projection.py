"""The point of a space that is nearest to a configuration, such as a family's canonical one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gantune.errors import UserError
from gantune.space.domain import Domain
from gantune.space.expression import evaluate, names_in

if TYPE_CHECKING:
    from gantune.space.space import SearchSpace

STEPS = 200  # of a scan for the value of a name that the configuration does not have
NARROWINGS = 4


def project(space: SearchSpace, configuration: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The nearest point, and what was moved: `lr_ratio 1.0 -> 0.5, features 64 -> 16 (fixed)`, or None."""
    known = dict(space.defaults) | dict(configuration) | dict(space.fixed)

    def choose(name: str, domain: Domain) -> Any:
        if name in known:
            return domain.nearest(known[name])
        return _solve(space, name, domain, known)

    params, _ = space.sample(choose)
    moved = [
        f"{name} {_shown(configuration[name])} -> {_shown(value)}{' (fixed)' if name in space.fixed else ''}"
        for name, value in space.resolve(params).items()
        if name in configuration and not _same(configuration[name], value)
    ]
    return params, ", ".join(moved) or None


def _solve(space: SearchSpace, name: str, domain: Domain, known: Mapping[str, Any]) -> Any:
    """The value of `name` at which what is derived from it comes nearest to the configuration's own value."""
    targets = [(target, text, names_in(text, "")) for target, text in space.derived.items() if target in known]
    targets = [found for found in targets if name in found[2]]
    if not targets:
        return domain.at(0.5)

    def miss(value: Any) -> float:
        total = 0.0
        for target, text, needs in targets:
            try:
                needed = {other: value if other == name else known[other] for other in needs}
                total += abs(evaluate(text, needed, "") - known[target])
            except (UserError, KeyError, TypeError):  # no value there, or one that needs another unknown
                return float("inf")
        return total

    if domain.kind == "choice":
        return min(domain.choices, key=miss)
    low, high = 0.0, 1.0
    for _ in range(NARROWINGS):
        shares = [low + (high - low) * step / STEPS for step in range(STEPS + 1)]
        best = min(shares, key=lambda share: miss(domain.at(share)))
        width = (high - low) / STEPS
        low, high = max(0.0, best - width), min(1.0, best + width)
    found = domain.at(best)
    rounded = float(f"{found:.6g}")
    return rounded if domain.contains(rounded) and not domain.whole and miss(rounded) <= miss(found) else found


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= 1e-6 * max(abs(a), abs(b))
    return bool(a == b)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

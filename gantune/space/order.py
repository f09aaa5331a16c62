"""In which order the names of a space get their values."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping

from gantune.errors import UserError
from gantune.space.domain import Domain
from gantune.space.expression import names_in


def in_order(parameters: Mapping[str, Domain], derived: Mapping[str, str], where: str) -> tuple[str, ...]:
    """Searched and derived names, each after those it depends on. `UserError` when they depend on each other in a circle."""
    needs: dict[str, set[str]] = {name: set(domain.when) for name, domain in parameters.items()}
    needs |= {name: set(names_in(text, f"{where}{name}: ")) for name, text in derived.items()}
    sorter = graphlib.TopologicalSorter({name: sorted(found & needs.keys()) for name, found in needs.items()})
    try:
        return tuple(sorter.static_order())
    except graphlib.CycleError as error:
        circle = list(reversed(error.args[1]))
        raise UserError(f"{where}{' needs '.join(circle)}: these depend on each other in a circle. Give one of them a range.") from None

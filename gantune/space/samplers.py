"""The samplers there are, and which spaces each can serve."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.params import make, param
from gantune.space.domain import Domain
from gantune.space.space import Values
from gantune.space.zoo import Space

LARGEST_GRID = 10_000


@dataclass(frozen=True)
class TPEOptions:
    """Tree-structured Parzen estimator (Watanabe 2023, arXiv:2304.11127)."""

    n_startup_trials: int = param(10, "random trials before the model is asked", low=1, high=100_000)
    n_ei_candidates: int = param(24, "candidates among which the model chooses", low=1, high=10_000)


@dataclass(frozen=True)
class GPOptions:
    """Gaussian process."""

    n_startup_trials: int = param(10, "random trials before the model is asked", low=1, high=100_000)


@dataclass(frozen=True)
class CMAESOptions:
    """Covariance matrix adaptation (Hansen & Ostermeier 2001)."""

    n_startup_trials: int = param(1, "random trials before the model is asked", low=1, high=100_000)
    popsize: int = param(0, "trials in a generation; 0 takes 4 + 3 ln(dimensions)", low=0, high=10_000)


@dataclass(frozen=True)
class NoOptions:
    """Nothing to set."""


SAMPLERS: dict[str, type] = {
    "tpe": TPEOptions,
    "gp": GPOptions,
    "cmaes": CMAESOptions,
    "qmc": NoOptions,
    "random": NoOptions,
    "grid": NoOptions,
}


def sampler_options(name: str, options: Mapping[str, Any], where: str) -> Any:
    """The checked options of the sampler called `name`. `UserError` on an unknown sampler or option."""
    if name not in SAMPLERS:
        raise UserError(f"{where}unknown sampler {name!r}. {did_you_mean(name, SAMPLERS)}")
    return make(SAMPLERS[name], options, where)


def check_serves(name: str, space: Space, where: str) -> None:
    """`UserError` when the sampler cannot serve the space, which says for what parameter and what to do."""
    domains = space.domains
    if not domains and name != "grid":
        raise UserError(f"{where}{space.source} leaves nothing to search: every value is fixed. Use sampler grid, or search something.")
    conditional = [f"{key} ({domain})" for key, domain in domains.items() if domain.when]
    if space.conditional and name in ("gp", "cmaes", "qmc"):
        what = conditional[0] if conditional else "what it asks for depends on the answers"
        raise UserError(f"{where}{name} cannot serve a conditional space: {space.source}: {what}. Use tpe or random.")
    if name == "cmaes":
        choices = [key for key, domain in domains.items() if domain.kind == "choice"]
        if choices:
            advice = "Use tpe, or give it a range ({int: [a, b]})."
            raise UserError(f"{where}cmaes cannot search choices: {', '.join(choices)} in {space.source}. {advice}")
        if len(domains) < 2:
            raise UserError(f"{where}cmaes needs at least two searched parameters; {space.source} has {', '.join(domains)}. Use tpe.")
    if name == "grid":
        ranges = [key for key, domain in domains.items() if domain.size is None]
        if ranges:
            raise UserError(
                f"{where}grid needs a choice or whole numbers; {', '.join(ranges)} in {space.source} "
                f"{'is a continuous range' if len(ranges) == 1 else 'are continuous ranges'}. Write {{choice: [...]}}, or use tpe."
            )
        if not space.conditional and math.prod(domain.size or 1 for domain in domains.values()) > LARGEST_GRID:
            raise UserError(f"{where}the grid over {space.source} has more than {LARGEST_GRID:,} points. Use fewer choices, or qmc.")
        if grid_size(space) > LARGEST_GRID:
            raise UserError(f"{where}the grid over {space.source} has more than {LARGEST_GRID:,} points. Use fewer choices, or random.")


def grid_size(space: Space) -> int:
    """How many points a grid over the space has, at most one more than is allowed."""
    return sum(1 for _ in itertools.islice(grid(space), LARGEST_GRID + 1))


def grid(space: Space) -> Iterator[Values]:
    """Every point of a space of finite domains, the last parameter changing fastest; conditions are followed."""
    script: list[int] = []
    while True:
        trace: list[tuple[int, int]] = []  # (index, how many) of each parameter that is there

        def choose(name: str, domain: Domain, trace: list[tuple[int, int]] = trace, script: list[int] = script) -> Any:
            values = domain.values()
            index = script[len(trace)] if len(trace) < len(script) else 0
            trace.append((index, len(values)))
            return values[index]

        yield space.sample(choose)[0]
        while trace and trace[-1][0] + 1 == trace[-1][1]:
            trace.pop()
        if not trace:
            return
        script = [index for index, _ in trace]
        script[-1] += 1

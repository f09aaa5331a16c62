"""SearchSpace: where a sweep looks, and how a sampled point becomes the values of a run."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gantune.config import declared_params
from gantune.errors import UserError
from gantune.families import open_family
from gantune.params import Param, lookup
from gantune.space.domain import Domain, frozen
from gantune.space.expression import evaluate, names_in
from gantune.space.order import in_order
from gantune.space.python import PythonSpace

Values = dict[str, Any]


@dataclass(frozen=True)
class SearchSpace:
    """Searched `parameters`, `derived` expressions over them, and `fixed` values, for one family.

    A name that is no parameter of the family (`lr_d`) only feeds derivations and is no value of a run.
    `defaults` are the family's own values for every other parameter. With `python` the user's function does the searching.
    """

    family: str
    source: str  # how messages call it: search_spaces/dcgan.yaml
    parameters: Mapping[str, Domain] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    python: PythonSpace | None = None

    @property
    def conditional(self) -> bool:
        """Whether some parameters are there only sometimes."""
        if self.python is not None:
            return self.python.varies
        return any(domain.when for domain in self.parameters.values())

    @property
    def domains(self) -> dict[str, Domain]:
        """Every searched parameter; of a Python function, those that some random points asked for."""
        return dict(self.parameters) if self.python is None else self.python.domains

    @property
    def declared(self) -> dict[str, Param]:
        """Every parameter of the family, by name."""
        return declared_params(open_family(self.family))

    def walk(self, choose: Callable[[str, Domain], Any]) -> tuple[Values, Values]:
        """Ask `choose` for each parameter that is there, in order; gives the chosen ones, and all names' values.

        Whether a parameter is there may depend on what was chosen before it.
        """
        chosen: Values = {}
        known = dict(self.defaults) | dict(self.fixed)
        absent: set[str] = set()
        for name in in_order(self.parameters, self.derived, f"{self.source}: "):
            if name in self.derived:
                known[name] = self._derive(name, known)
                continue
            domain = self.parameters[name]
            if any(other in absent or known[other] not in allowed for other, allowed in domain.when.items()):
                absent.add(name)
                continue
            chosen[name] = known[name] = choose(name, domain)
        return chosen, known

    def sample(self, choose: Callable[[str, Domain], Any]) -> tuple[Values, dict[str, Domain]]:
        """A point whose every parameter `choose` gives, and the domains of those that are there."""
        if self.python is not None:
            _, trial = self.python.run(choose)
            return trial.params, trial.asked
        params, _ = self.walk(choose)
        return params, {name: self.parameters[name] for name in params}

    def resolve(self, sampled: Mapping[str, Any]) -> Values:
        """The flat values of a run at a sampled point: sampled, derived and fixed ones, checked against the family's ranges."""
        declared = self.declared
        where = f"{self.source}: "
        if self.python is not None:
            values = self.python.replay(sampled) | dict(self.fixed)
        else:
            chosen, known = self.walk(lambda name, domain: frozen(sampled[name]))
            values = {name: known[name] for name in (*self.fixed, *chosen, *self.derived) if name in declared}
        return {name: lookup(declared, name, where).check(value, where) for name, value in values.items()}

    def fits(self, params: Mapping[str, Any]) -> bool:
        """Whether `params` is a point of this space: the names that are there, each with a value it can take."""
        given = {name: frozen(value) for name, value in params.items()}
        try:
            _, domains = self.sample(lambda name, domain: given.get(name, domain.at(0.5)))
        except UserError:
            return False
        return domains.keys() == given.keys() and all(domain.contains(given[name]) for name, domain in domains.items())

    def draw(self, rng: random.Random) -> Values:
        """A random point, for previews and checks."""
        return self.sample(lambda name, domain: domain.at(rng.random()))[0]

    @property
    def families(self) -> tuple[str, ...]:
        """The one family, as a ZooSpace gives its several."""
        return (self.family,)

    def family_of(self, sampled: Mapping[str, Any]) -> str:
        """The reference of a point's family."""
        return self.family

    def canonical(self) -> list[tuple[Values, str | None]]:
        """The point nearest to the family's canonical setting, and a note on what had to be moved."""
        return [self.project(open_family(self.family).canonical)]

    def of_families(self, refs: Sequence[str]) -> SearchSpace:
        """The same space with another reference to the same family."""
        [ref] = refs
        return replace(self, family=ref)

    def project(self, configuration: Mapping[str, Any]) -> tuple[Values, str | None]:
        """The point of this space nearest to a configuration (flat values by name), and a note on what had to be moved."""
        from gantune.space.projection import project

        return project(self, configuration)

    def to_json(self) -> dict[str, Any]:
        """As a dict that JSON can hold; `from_json` needs no other file but a family of the user's own."""
        return {
            "family": self.family,
            "source": self.source,
            "parameters": {name: domain.to_json() for name, domain in self.parameters.items()},
            "derived": dict(self.derived),
            "fixed": dict(self.fixed),
            "defaults": dict(self.defaults),
            "python": None if self.python is None else self.python.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SearchSpace:
        """Back from `to_json`."""
        return cls(
            family=content["family"],
            source=content["source"],
            parameters={name: Domain.from_json(domain) for name, domain in content["parameters"].items()},
            derived=dict(content["derived"]),
            fixed={name: frozen(value) for name, value in content["fixed"].items()},
            defaults={name: frozen(value) for name, value in content["defaults"].items()},
            python=None if content["python"] is None else PythonSpace.from_json(content["python"]),
        )

    def _derive(self, name: str, known: Mapping[str, Any]) -> Any:
        where = f"{self.source}: {name}: "
        text = self.derived[name]
        value = evaluate(text, {needed: known[needed] for needed in sorted(names_in(text, where))}, where)
        whole = name in self.declared and self.declared[name].kind is int
        return round(value) if whole else value

"""ZooSpace: where a sweep over several families looks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gantune.space.domain import Domain
from gantune.space.space import SearchSpace, Values

FAMILY = "family"


@dataclass(frozen=True)
class ZooSpace:
    """`family` is searched like a parameter; what else is searched is what the chosen family's own space searches.

    All of them come from one file, so a name has the same domain in each that has it, and what is learnt of it serves all of them.
    """

    members: Mapping[str, SearchSpace]  # by the family's name, two or more

    @property
    def source(self) -> str:
        """How messages call it."""
        return next(iter(self.members.values())).source

    @property
    def families(self) -> tuple[str, ...]:
        """The families' references: names, or `path/to/file.py:Class`."""
        return tuple(member.family for member in self.members.values())

    @property
    def choice(self) -> Domain:
        """The families' names."""
        return Domain("choice", choices=tuple(self.members))

    @property
    def conditional(self) -> bool:
        """Whether some parameters are there only sometimes."""
        differ = len({frozenset(member.parameters) for member in self.members.values()}) > 1
        return differ or any(member.conditional for member in self.members.values())

    @property
    def domains(self) -> dict[str, Domain]:
        """Every searched parameter, with the condition on the family where not all have it."""
        found: dict[str, Domain] = {FAMILY: self.choice}
        for name in dict.fromkeys(name for member in self.members.values() for name in member.parameters):
            having = {family: member.parameters[name] for family, member in self.members.items() if name in member.parameters}
            when = {} if len(having) == len(self.members) else {FAMILY: tuple(having)}
            first = next(iter(having.values()))
            found[name] = replace(first, when={**when, **first.when})
        return found

    @property
    def fixed(self) -> Values:
        """Fixed values by name; each holds for the families that have it."""
        return {name: value for member in self.members.values() for name, value in member.fixed.items()}

    def family_of(self, sampled: Mapping[str, Any]) -> str:
        """The reference of a point's family."""
        return self.members[sampled[FAMILY]].family

    def sample(self, choose: Callable[[str, Domain], Any]) -> tuple[Values, dict[str, Domain]]:
        """A point whose every parameter `choose` gives, the family first, and the domains of those that are there."""
        family = choose(FAMILY, self.choice)
        params, domains = self.members[family].sample(choose)
        return {FAMILY: family, **params}, {FAMILY: self.choice, **domains}

    def resolve(self, sampled: Mapping[str, Any]) -> Values:
        """The flat values of a run at a sampled point, without the family."""
        return self.members[sampled[FAMILY]].resolve(_within(sampled))

    def fits(self, params: Mapping[str, Any]) -> bool:
        """Whether `params` is a point of this space."""
        member = self.members.get(params.get(FAMILY, ""))
        return member is not None and member.fits(_within(params))

    def draw(self, rng: random.Random) -> Values:
        """A random point, for previews and checks."""
        return self.sample(lambda name, domain: domain.at(rng.random()))[0]

    def canonical(self) -> list[tuple[Values, str | None]]:
        """The point nearest to each family's canonical setting, and a note on what had to be moved."""
        found = [(name, *member.canonical()[0]) for name, member in self.members.items()]
        return [({FAMILY: name, **params}, note) for name, params, note in found]

    def of_families(self, refs: Sequence[str]) -> ZooSpace:
        """The same space with other references to the same families, in their order."""
        pairs = zip(self.members.items(), refs, strict=True)
        return replace(self, members={name: replace(member, family=ref) for (name, member), ref in pairs})

    def to_json(self) -> dict[str, Any]:
        """As a dict that JSON can hold."""
        return {"members": {name: member.to_json() for name, member in self.members.items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ZooSpace:
        """Back from `to_json`."""
        return cls({name: SearchSpace.from_json(member) for name, member in content["members"].items()})


Space = SearchSpace | ZooSpace


def space_from_json(content: Mapping[str, Any]) -> Space:
    """Back from the `to_json` of either."""
    return ZooSpace.from_json(content) if "members" in content else SearchSpace.from_json(content)


def _within(params: Mapping[str, Any]) -> Values:
    return {name: value for name, value in params.items() if name != FAMILY}

"""Settings that change while a run trains: from which kimg on which values hold, and what a run of a population inherited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gantune.families.base import Family
from gantune.params import params_of

RATES = ("lr_g", "lr_ratio", "k", "g_steps", "beta1", "beta2", "weight_decay", "noise")  # of gantune.training.settings.Training
Values = dict[str, Any]


@dataclass(frozen=True)
class Segment:
    """`values` hold from the first report at or after `kimg` on; with `source` the run goes on from that checkpoint of another run."""

    kimg: float
    values: Mapping[str, Any]
    source: str | None = None


class Member(Protocol):
    """A trial of a population: what it began with, and what it took over since, in order."""

    @property
    def values(self) -> Values: ...
    @property
    def takeovers(self) -> list[dict[str, Any]]: ...


def changeable(family: Family[Any, Any]) -> frozenset[str]:
    """The parameters that may change while a run trains: the networks and the order of the data stay as they are."""
    return (frozenset(RATES) | frozenset(params_of(family.Hparams))) - family.shaped_by


def due(segments: Sequence[Segment], kimg: float) -> int:
    """How many of `segments` have begun at `kimg`."""
    return sum(segment.kimg <= kimg + 1e-9 for segment in segments)


def in_force(values: Mapping[str, Any], segments: Sequence[Segment]) -> Values:
    """`values` with what the segments changed, one after the other."""
    merged = dict(values)
    for segment in segments:
        merged |= segment.values
    return merged


def lineage(id: str, members: Mapping[str, Member], before: float = float("inf")) -> tuple[Values, list[Segment]]:
    """The schedule that made the weights of member `id` as they were at `before` kimg: the values at the very start, and what changed
    since, through all the members that it took over. Without sources: a run of its own that repeats them."""
    member = members[id]
    taken = [one for one in member.takeovers if one["kimg"] < before]
    if not taken:
        return dict(member.values), []
    last = taken[-1]
    values, segments = lineage(last["donor"], members, last["kimg"])
    changed = {name: value for name, value in last["values"].items() if in_force(values, segments).get(name) != value}
    return values, [*segments, Segment(last["kimg"], changed)]

"""What is replayed: a scheduler with stop rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gantune.errors import UserError
from gantune.spec import SweepSpec
from gantune.spec.document import validated
from gantune.spec.model import Scheduler
from gantune.spec.places import Places
from gantune.spec.sections import rule_of, scheduler_of
from gantune.spec.sets import applied, read_sets
from gantune.stopping import open_rules
from gantune.yaml_file import YamlFile

SECTIONS = ("scheduler", "stopping")


@dataclass(frozen=True)
class Policy:
    """Who may stop a trial: a scheduler that compares trials, and rules that read one curve each."""

    name: str
    scheduler: Scheduler
    stopping: tuple[str | Mapping[str, Any], ...]


def policies(spec: SweepSpec, sets: Sequence[str]) -> list[Policy]:
    """The sweep's own policy, or what `sets` make of it (`scheduler=…`, `scheduler.asha.grace=…`, `stopping=[…]`), beside each of its
    halves alone and none at all. `UserError` for another key or an impossible value, which names the flag."""
    for text in sets:
        if text.partition("=")[0].strip().partition(".")[0] not in SECTIONS:
            raise UserError(f"--set {text}: a replay changes {' and '.join(SECTIONS)} only; all else is as it was recorded.")
    flags = read_sets(sets)
    base = {"family": spec.families[0], "scheduler": {spec.scheduler.kind: spec.scheduler.options}, "stopping": list(spec.stopping)}
    places = Places(YamlFile("the sweep", {}), flags=flags)
    document = validated(applied(base, flags), places.where)
    scheduler = scheduler_of(document, spec.budget, places)
    if scheduler.kind == "pbt":
        raise UserError("scheduler: pbt changes what is trained, which no recorded curve can tell; replay asha, median or none.")
    rules = tuple(rule_of(rule, Path.cwd()) for rule in document.stopping or ())
    open_rules(rules, None, places.where(("stopping",)))
    nobody = replace(scheduler, kind="none")
    called = "no scheduler" if scheduler.kind == "none" else scheduler.kind
    return [
        Policy("nothing", nobody, ()),
        Policy(called, scheduler, ()),
        Policy("rules", nobody, rules),
        Policy(f"{called} and rules", scheduler, rules),
    ]

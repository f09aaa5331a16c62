"""Where a spool's events leave a sweep: what a driver that takes over must know before it hands anything out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gantune.runtime.book import Limits
from gantune.runtime.ledger import Entry, Event, Ledger, number
from gantune.runtime.population import Population, Takeover
from gantune.runtime.pruning import Pruner
from gantune.tracking.spool import is_orphan


def replay(
    events: Iterable[Event], ledger: Ledger, pruner: Pruner, population: Population | None = None
) -> tuple[dict[str, str], dict[str, Takeover]]:
    """Bring ledger, pruner and population to where `events` leave them. Gives the stops and the takeovers that nobody carried out."""
    assert pruner.signal == ledger.signal, "the ledger rates by what the pruner compares"
    pending: dict[str, str] = {}
    takeovers: dict[str, Takeover] = {}
    for event in events:
        if is_orphan(event, ledger.trials):
            continue
        known = event["kind"] == "report" and float(event["point"]["kimg"]) in ledger.trials[event["trial"]].reported
        ledger.apply(event)
        if event["kind"] == "report" and not known:
            entry = ledger.trials[event["trial"]]
            evidence = pruner.report(entry.id, float(event["point"]["kimg"]), entry.rated)
            if evidence is not None:
                pending[entry.id] = evidence
            takeover = compared(population, ledger, entry, event["point"])
            if takeover is not None:
                takeovers[entry.id] = takeover
        elif event["kind"] == "takeover":
            takeovers.pop(event["trial"], None)
        elif event["kind"] == "end":
            entry = ledger.trials[event["trial"]]
            pruner.end(entry.id, event["reason"], entry.kimg, entry.rated)
            pending.pop(entry.id, None)
            takeovers.pop(entry.id, None)
    return pending, takeovers


def compared(population: Population | None, ledger: Ledger, entry: Entry, point: Mapping[str, Any]) -> Takeover | None:
    """What the population makes of a report that the ledger has."""
    if population is None:
        return None
    value = number(point.get(ledger.objective))
    return population.report(entry, float(point["kimg"]), value, lambda id, kimg: ledger.trials[id].setting_before(kimg))


def to_continue(ledger: Ledger, limits: Limits) -> list[Entry]:
    """What an earlier driver left: open trials, then those cut short by a time budget, the machine or the circuit breaker, if there is
    time now."""
    cut = [entry for entry in ledger.trials.values() if entry.cut is not None or entry.reason == "infra" or entry.again]
    return ledger.unfinished() + ([] if limits.used_up(ledger.search_seconds, ledger) else cut)

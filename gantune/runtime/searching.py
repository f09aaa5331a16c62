"""The search: trials on Ray Tune until the budget is used up."""

from __future__ import annotations

from gantune import steady
from gantune.runtime.desk import Desk
from gantune.runtime.director import Director
from gantune.runtime.ledger import Entry
from gantune.runtime.memory_probe import choose_share
from gantune.runtime.replaying import to_continue
from gantune.runtime.tuning import run_search
from gantune.search import Past, Search
from gantune.tracking.store import frozen


def search(desk: Desk) -> None:
    """Go on with unfinished trials, then ask for new ones. What has an end is not run again, unless it was the time's or the machine's."""
    choose_share(desk)
    spec = desk.spec
    if desk.places < desk.slots:
        desk.live.note(f"{desk.places} at a time, as the machine's memory ran out with more")
    director = Director(
        book=desk.book,
        pruner=desk.pruner,
        search=open_search(desk),
        plan_of=desk.planner.trial,
        settle=desk.planner.settle,
        stops=desk.stops,
        live=desk.live,
        limits=desk.limits,
        canonical=len(spec.families),
        slots=desk.slots,
        grow=desk.growth.poll,
        share=desk.share,
        gpus=desk.at.gpus,
        size_of=desk.planner.size,
        pending=desk.pending,
        population=desk.population,
        takeovers=desk.takeovers,
        clock=steady.now,
    )
    storage = desk.folder.resolve() / "ray" / str(desk.ledger.segment)
    run_search(director, desk.stops, desk.watchdog, storage=storage, slots=desk.slots, cpu=spec.resources.cpu, opener=desk.opener)
    director.close()


def open_search(desk: Desk) -> Search:
    """The search with the sweep's history; the canonical setting of each family is asked first."""
    spec = desk.spec
    continued = {entry.id for entry in to_continue(desk.ledger, desk.limits)}
    history = [past(entry, entry.id in continued) for entry in desk.ledger.trials.values()]
    warm = [Past.elsewhere(trial) for trial in frozen(desk.folder).get("warm", [])]
    opened = Search(
        spec.space,
        spec.sampler,
        storage=desk.folder / "optuna.journal",
        history=[*warm, *history],
        name=desk.folder.name,
        mode=spec.objective.mode,
    )
    for params, note in spec.space.canonical()[opened.asked :]:
        opened.enqueue(params, note)
    return opened


def past(entry: Entry, continued: bool) -> Past:
    """A trial of an earlier driver, as the search remembers it; one that is `continued` still runs, whatever ended it before."""
    if continued:
        return Past(entry.number, entry.params, "running", entry.own_best, entry.own_bests)
    state = "failed" if entry.state == "stopped" else entry.state
    return Past(entry.number, entry.params, state, entry.own_best, entry.own_bests, entry.reason)

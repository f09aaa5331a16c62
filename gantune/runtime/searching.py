"""The search: trials on Ray Tune until the budget is used up."""

from __future__ import annotations

from gantune import steady
from gantune.runtime.desk import Desk
from gantune.runtime.director import Director, Limits, to_continue
from gantune.runtime.ledger import Entry
from gantune.runtime.tuning import run_search
from gantune.search import Past, Search
from gantune.tracking.store import frozen


def search(desk: Desk) -> None:
    """Go on with unfinished trials, then ask for new ones. What has an end is not run again, unless it was the time's or the machine's."""
    spec = desk.spec
    director = Director(
        book=desk.book,
        pruner=desk.pruner,
        search=open_search(desk),
        plan_of=desk.planner.trial,
        settle=desk.planner.settle,
        stops=desk.stops,
        live=desk.live,
        limits=limits(desk),
        canonical=len(spec.families),
        slots=desk.slots,
        pending=desk.pending,
        population=desk.population,
        takeovers=desk.takeovers,
        clock=steady.now,
    )
    if not director.is_exhausted:
        storage = desk.folder.resolve() / "ray" / str(desk.ledger.segment)
        cpu, gpu = spec.resources.cpu, spec.resources.gpu
        run_search(director, desk.stops, storage=storage, slots=desk.slots, cpu=cpu, gpu=gpu, opener=desk.opener)
    director.close()


def open_search(desk: Desk) -> Search:
    """The search with the sweep's history; the canonical setting of each family is asked first."""
    spec = desk.spec
    continued = {entry.id for entry in to_continue(desk.ledger, limits(desk))}
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


def limits(desk: Desk) -> Limits:
    """The sweep's time budgets, or what a resume changed them to."""
    budget, changed = desk.spec.budget, desk.ledger.limits
    hours, gpu_hours = changed.get("hours", budget.hours), changed.get("gpu_hours", budget.gpu_hours)
    return Limits(
        wall=None if hours is None else hours * 3600,
        device=None if gpu_hours is None else gpu_hours * 3600,
        device_share=desk.spec.resources.gpu or 1.0,
    )

"""Replay: other schedulers and stop rules over what sweeps have recorded."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gantune.cli import objective
from gantune.cli.app import RUNS, Json, Runs, Sets, app, print_json
from gantune.cli.tables import print_table
from gantune.errors import UserError
from gantune.tracking.store import find_sweep, frozen

if TYPE_CHECKING:
    from gantune.replay import Outcome, Policy, Recording
    from gantune.spec import SweepSpec


@app.command()
def replay(
    name: Annotated[str, typer.Argument(metavar="SWEEP|FILE", help="A sweep, or recorded trials as a .parquet file.")] = "latest",
    sets: Sets = [],  # noqa: B006  # Typer reads the default and never changes it
    workers: Annotated[int, typer.Option(min=1, help="Trials at a time.")] = 2,
    orders: Annotated[int, typer.Option(min=1, help="Orders of the trials: 1 is the recorded one, more are shuffled.")] = 1,
    check: Annotated[bool, typer.Option("--check", help="Judge the sweep's own decisions again, report by report.")] = False,
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """What another scheduler or other stop rules would have cost, found and missed; --set scheduler=median, --set stopping=[...]."""
    from gantune.replay import policies
    from gantune.tracking.record import strict

    if check:
        if name.endswith(".parquet"):
            raise UserError(f"--check judges a sweep's own decisions, and {name} holds trials that nobody stopped.")
        _check(find_sweep(runs, name), as_json)
        return
    title, spec, recorded = _opened(runs, name)
    tried = policies(spec, sets)
    cut = sum(recording.is_censored for recording in recorded)
    results = {policy.name: _in_orders(policy, recorded, orders, workers, spec.budget.report_every) for policy in tried}
    if as_json:
        print_json({name: [strict(dataclasses.asdict(one)) for one in found] for name, found in results.items()})
        return
    metric = spec.objective.metric
    many = f"{orders} order{'s' if orders > 1 else ''}"
    print(f"{title}: {len(recorded)} trials of up to {spec.budget.kimg:g} kimg, {workers} at a time, {many}")
    if cut:
        told = "shares are of what was recorded, and a policy that goes on sees nothing behind their ends"
        print(f"{cut} of the recordings were cut short: {told}")
    rows = [[name, *_cells(found, metric)] for name, found in results.items()]
    print_table(["policy", "device seconds", "share", "best " + metric, "regret", "good trials missed", "ended by"], rows)
    for name, found in results.items():
        for missed in found[0].missed:
            value, kimg = objective.text(missed.full, metric), f"{missed.ended_kimg:g} kimg by {missed.reason}"
            print(f"{name}: trial {missed.id} ({metric} {value} at {missed.best_kimg:g} kimg) is ended at {kimg}")


def _opened(runs: Path, name: str) -> tuple[str, SweepSpec, list[Recording]]:
    """A title, the sweep whose policy is replayed, and the recorded trials: of a sweep, or of a file and its family's bundled sweep."""
    from gantune.replay import read_table, recordings
    from gantune.spec import SweepSpec, load_sweep
    from gantune.spec.model import Budget, Objective

    if not name.endswith(".parquet"):
        folder = find_sweep(runs, name)
        return folder.name, SweepSpec.from_json(frozen(folder)["spec"]), recordings(folder)
    about, recorded = read_table(Path(name))
    bundled = load_sweep(about.family)
    budget = Budget(len(recorded), about.budget_kimg, about.report_every)
    mode: Literal["min", "max"] = "max" if about.mode == "max" else "min"
    return Path(name).name, dataclasses.replace(bundled, budget=budget, objective=Objective(about.objective, mode)), recorded


def _check(folder: Path, as_json: bool) -> None:
    from gantune.replay import recheck

    checked = recheck(folder)
    if as_json:
        print_json(dataclasses.asdict(checked))
    else:
        print(f"{folder.name}: {checked.agreed} ends judged alike, {len(checked.differing)} otherwise, {checked.skipped} not by a rule")
        for line in checked.differing:
            print(line)
    if checked.differing:
        raise typer.Exit(1)


def _in_orders(policy: Policy, recorded: list[Recording], orders: int, workers: int, report_every: float) -> list[Outcome]:
    from gantune.replay import Verdicts, outcome, simulate

    verdicts, found = Verdicts(policy.stopping), []
    for number in range(orders):
        order = list(recorded)
        if number:
            random.Random(number).shuffle(order)
        found.append(outcome(simulate(order, policy, workers=workers, report_every=report_every, verdicts=verdicts)))
    return found


def _cells(found: list[Outcome], metric: str) -> list[str]:
    first = found[0]
    reasons = ", ".join(f"{reason} {count}" for reason, count in first.reasons.items())
    missed = fmean(len(one.missed) for one in found)
    return [
        f"{fmean(one.seconds for one in found):.0f}",
        f"{fmean(one.share for one in found):.0%}",
        objective.text(first.best, metric) if len(found) == 1 else _range([one.best for one in found], metric),
        objective.text(first.regret, metric) if len(found) == 1 else _range([one.regret for one in found], metric),
        f"{missed:.2g} of {first.good}",
        reasons + (" (recorded order)" if len(found) > 1 else ""),
    ]


def _range(values: list[float | None], metric: str) -> str:
    """Mean, lowest and highest over the orders."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return ""
    mean, low, high = (objective.text(value, metric) for value in (fmean(known), min(known), max(known)))
    return f"{mean} ({low} to {high})"

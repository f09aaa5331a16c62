"""Sweeps: start, resume, stop."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantune.cli.app import RUNS, Runs, Sets, app
from gantune.cli.cluster import ClusterFile, Local, Request, cluster_for, head_for, resume_there, sweep_there, there
from gantune.cli.driving import drive
from gantune.errors import UserError

if TYPE_CHECKING:
    from gantune.spec import SweepSpec

Detach = Annotated[bool, typer.Option("--detach", help="Run in the background; `gantune attach` follows it.")]
JsonOfDetached = Annotated[bool, typer.Option("--json", help="With --detach: what was started, as JSON.")]
Hours = Annotated[float | None, typer.Option(help="Wall-clock limit of the search.")]


@app.command()
def sweep(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A sweep such as dcgan, or a YAML file.")],
    sets: Sets = [],  # noqa: B006  # Typer reads the default and never changes it
    trials: Annotated[int | None, typer.Option(help="Number of trials.")] = None,
    data: Annotated[str | None, typer.Option(help="Data set.")] = None,
    as_name: Annotated[str | None, typer.Option("--name", help="Name of this run of the sweep; default: NAME-1, NAME-2, ...")] = None,
    warm_start: Annotated[
        list[str], typer.Option("--warm-start", metavar="SWEEP", help="Learn from an earlier sweep's trials first.")
    ] = [],  # noqa: B006
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print what would run, start nothing.")] = False,
    gpus: Annotated[int | None, typer.Option(min=0, help="With --dry-run: what it would be with so many GPUs, wherever they are.")] = None,
    detach: Detach = False,
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
    as_json: JsonOfDetached = False,
) -> None:
    """Search hyperparameters: trials, early stops, finalists, a report."""
    request = Request(name, sets, trials, data, as_name, warm_start)
    _check_json(detach, as_json)
    if gpus is not None and not dry_run:
        raise UserError("--gpus says what a sweep would be with so many GPUs: give --dry-run, too. A sweep takes those that there are.")
    far = cluster_for(local, cluster, runs) if gpus is None else None
    if far is not None:
        sweep_there(far, request, dry_run=dry_run, detach=detach, as_json=as_json)
        return
    from gantune.preflight import check_opens
    from gantune.runtime.gpus import look
    from gantune.spec import load_sweep
    from gantune.tracking.store import find_sweep, new_instance
    from gantune.warm import earlier_trials

    where = look(local=local)
    has = int(where.gpus) if gpus is None else gpus
    spec = load_sweep(name, sets=sets, trials=trials, data=data, name=as_name, runs=runs, gpus=has)
    if gpus is None:
        where.slots(spec.resources.cpu, spec.resources.share(where.gpus))  # refused here, before anything is opened or started
    check_runs(runs)
    warm, warm_notes = earlier_trials([find_sweep(runs, other) for other in warm_start], spec)
    notes = [*spec.notes, *check_opens(spec), *warm_notes]
    if dry_run:
        place = f"it would run on {where}" if gpus is None else f"so it would be with {gpus} GPU{'s' * (gpus != 1)}"
        _dry_run(spec, [place, *notes], warm, is_here=gpus is None)
        return
    from gantune.sweep import run_sweep

    folder = runs / as_name if as_name else new_instance(runs, spec.name)
    command = shlex.join(["gantune", *sys.argv[1:]])
    if not as_json:
        print(f"{folder.name} runs on {where}", flush=True)
    try:
        if detach:
            from gantune.cli.background import start_in_background

            own = request.words(name=folder.name) + _same_place(local, runs)
            start_in_background(folder, own, local=local, notes=notes, as_json=as_json)
            return
        for note in notes:
            print(note)
        drive(spec, folder, lambda live: run_sweep(spec, folder, warm=warm, command=command, live=live, local=local))
    except UserError:
        if folder.is_dir() and not any(folder.iterdir()):  # nothing was begun in it
            folder.rmdir()
        raise


@app.command()
def resume(
    name: Annotated[str, typer.Argument(help="A sweep, or `latest`.")] = "latest",
    trials: Annotated[str | None, typer.Option(help="+N: that many more trials than it had.")] = None,
    hours: Hours = None,
    gpu_hours: Annotated[float | None, typer.Option(help="Limit of GPU hours over all trials.")] = None,
    detach: Detach = False,
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
    as_json: JsonOfDetached = False,
) -> None:
    """Go on with a sweep that was stopped or killed, or extend a finished one."""
    more = _more_trials(trials)
    for flag, limit in (("--hours", hours), ("--gpu-hours", gpu_hours)):
        if limit is not None and not limit > 0:
            raise UserError(f"{flag} is a number above 0, got {limit:g}.")
    _check_json(detach, as_json)
    given = (("--trials", trials), ("--hours", hours), ("--gpu-hours", gpu_hours))
    limits = [word for flag, value in given if value is not None for word in (flag, str(value))]
    head = head_for(local, cluster, runs)
    if head is not None:
        resume_there(head, ["resume", name, *limits], detach=detach, as_json=as_json)
        return
    from gantune.runtime.gpus import look
    from gantune.spec import SweepSpec
    from gantune.sweep import resume_sweep
    from gantune.tracking.lock import driver_lock
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import find_sweep, frozen

    folder = find_sweep(runs, name)
    spec = SweepSpec.from_json(frozen(folder)["spec"])
    with driver_lock(folder):
        pass  # refused here, before a cluster is looked at
    if not as_json:
        if not more and hours is None and gpu_hours is None and SweepRecord.load(folder).status == "complete":
            print(f"{folder.name} has ended already: only what is missing is made. For more trials: --trials +N")
        print(f"{folder.name} is resumed on {look(local=local)}", flush=True)
    if detach:
        from gantune.cli.background import start_in_background

        own = ["resume", folder.name, *limits, *_same_place(local, runs)]
        start_in_background(folder, own, local=local, as_json=as_json)
        return
    drive(spec, folder, lambda live: resume_sweep(folder, more_trials=more, hours=hours, gpu_hours=gpu_hours, live=live, local=local))


def _more_trials(given: str | None) -> int:
    if given is None:
        return 0
    if given.isdigit():
        raise UserError(f"--trials {given}: a plain number might mean {given} in all or {given} more.\nFor {given} more: --trials +{given}")
    if not (given.startswith("+") and given[1:].isdecimal() and int(given) > 0):
        raise UserError(f"--trials is how many more trials the sweep shall have, such as +50, got {given}.")
    return int(given)


@app.command()
def stop(
    name: Annotated[str, typer.Argument(metavar="SWEEP")] = "latest",
    trial: Annotated[str | None, typer.Argument(metavar="[TRIAL]")] = None,
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
) -> None:
    """Stop a running sweep so that it can be resumed, or end one of its trials."""
    head = head_for(local, cluster, runs)
    if head is not None:
        there(head, "stop", name, *([] if trial is None else [trial]))
    from gantune.sweep import stop_sweep
    from gantune.tracking.store import find_sweep

    folder = find_sweep(runs, name)
    stop_sweep(folder, trial)
    print(f"asked {folder.name} to " + (f"end trial {trial}" if trial else f"stop; go on later with: gantune resume {folder.name}"))


def _same_place(local: bool, runs: Path) -> list[str]:
    """So that the driver in the background is no other one; a Ray job does not have this terminal's environment."""
    return [*(["--local"] if local else []), "--runs", str(runs.absolute())]


def _check_json(detach: bool, as_json: bool) -> None:
    if as_json and not detach:
        raise UserError("--json says in JSON what was started: give --detach, too. For results: gantune show --json.")


def _dry_run(spec: SweepSpec, notes: list[str], warm: list[dict[str, Any]], *, is_here: bool) -> None:
    from gantune.cli.plan import describe

    for line in describe(spec, notes, warm, is_here=is_here):
        print(line)


def check_runs(runs: Path) -> None:
    """`UserError` when the runs folder cannot be written; nothing is created."""
    import os

    place = runs.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"the runs folder {runs} cannot be written ({place}). Choose another with --runs.")

"""Sweeps: start, resume, stop, list, show, report, browse, synchronise."""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantune.cli import objective
from gantune.cli.app import RUNS, Json, Runs, Sets, app, print_json, print_table
from gantune.errors import UserError

if TYPE_CHECKING:
    from gantune.runtime.live import LiveState
    from gantune.spec import SweepSpec
    from gantune.tracking.record import SweepRecord

Local = Annotated[bool, typer.Option("--local", help="Run on this machine even where RAY_ADDRESS names a cluster.")]
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
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background; `gantune show` follows it.")] = False,
    local: Local = False,
    runs: Runs = RUNS,
) -> None:
    """Search hyperparameters: trials, early stops, finalists, a report."""
    from gantune.preflight import check_opens
    from gantune.runtime.gpus import visible_gpus
    from gantune.spec import load_sweep
    from gantune.tracking.store import find_sweep, new_instance
    from gantune.warm import earlier_trials

    spec = load_sweep(name, sets=sets, trials=trials, data=data, name=as_name, runs=runs, gpus=visible_gpus(local=local))
    check_runs(runs)
    warm, warm_notes = earlier_trials([find_sweep(runs, other) for other in warm_start], spec)
    notes = [*spec.notes, *check_opens(spec), *warm_notes]
    if dry_run:
        _dry_run(spec, notes, warm)
        return
    from gantune.sweep import run_sweep

    folder = runs / as_name if as_name else new_instance(runs, spec.name)
    command = shlex.join(["gantune", *sys.argv[1:]])
    try:
        if detach:
            from gantune.cli.background import start_in_background

            start_in_background(folder, _without_name(sys.argv[1:]))
            return
        for note in notes:
            print(note)
        _drive(spec, folder, lambda live: run_sweep(spec, folder, warm=warm, command=command, live=live, local=local))
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
    local: Local = False,
    runs: Runs = RUNS,
) -> None:
    """Go on with a sweep that was stopped or killed, or extend a finished one."""
    from gantune.spec import SweepSpec
    from gantune.sweep import resume_sweep
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import find_sweep, frozen

    more = _more_trials(trials)
    for flag, limit in (("--hours", hours), ("--gpu-hours", gpu_hours)):
        if limit is not None and not limit > 0:
            raise UserError(f"{flag} is a number above 0, got {limit:g}.")
    folder = find_sweep(runs, name)
    spec = SweepSpec.from_json(frozen(folder)["spec"])
    if not more and hours is None and gpu_hours is None and SweepRecord.load(folder).status == "complete":
        print(f"{folder.name} has ended already: only what is missing is made. For more trials: --trials +N")
    _drive(spec, folder, lambda live: resume_sweep(folder, more_trials=more, hours=hours, gpu_hours=gpu_hours, live=live, local=local))


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
    runs: Runs = RUNS,
) -> None:
    """Stop a running sweep so that it can be resumed, or end one of its trials."""
    from gantune.sweep import stop_sweep
    from gantune.tracking.store import find_sweep

    folder = find_sweep(runs, name)
    stop_sweep(folder, trial)
    print(f"asked {folder.name} to " + (f"end trial {trial}" if trial else f"stop; go on later with: gantune resume {folder.name}"))


@app.command()
def ls(runs: Runs = RUNS, as_json: Json = False) -> None:
    """The sweeps in the runs folder."""
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import list_sweeps

    summaries = []
    for folder in list_sweeps(runs):
        try:
            summaries.append(_summary(SweepRecord.load(folder)))
        except (UserError, KeyError, TypeError) as error:  # not JSON; JSON of something else
            summaries.append({"sweep": folder.name, "status": "damaged", "why": str(error)})
    if as_json:
        print_json(summaries)
        return
    rows = []
    for summary in summaries:
        if summary["status"] == "damaged":
            rows.append([summary["sweep"], "damaged", "", "", "", "", ""])
            continue
        best = "" if summary["value"] is None else f"{summary['value']:.2f}"
        family = Path(summary["family"]).name if isinstance(summary["family"], str) else f"{len(summary['family'])} families"
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(summary["created"]))
        rows.append([summary["sweep"], summary["status"], when, family, summary["data"], f"{summary['ended']}/{summary['trials']}", best])
    print_table(["sweep", "status", "started", "family", "data", "trials", "best"], rows)


def _summary(record: SweepRecord) -> dict[str, Any]:
    best = record.best
    return {
        "sweep": record.name,
        "status": record.status,
        "created": record.about.get("created", 0.0),
        "family": record.spec["family"],
        "data": record.spec["data"],
        "trials": max(len(record.trials), record.wanted),
        "ended": sum(trial.reason is not None for trial in record.trials),
        "best": None if best is None else best.id,
        "value": None if best is None or best.value is None or not math.isfinite(best.value) else best.value,
    }


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="SWEEP")] = "latest", runs: Runs = RUNS, as_json: Json = False) -> None:
    """A sweep's trials, the best first, with reasons, finalists and the canonical setting."""
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import find_sweep

    record = SweepRecord.load(find_sweep(runs, name))
    if as_json:
        print_json(record.to_json())
        return
    metric = record.objective[0]
    print(f"{record.name}: {record.status}, {', '.join(record.families)} on {record.spec['data']}")
    rows = []
    for trial in record.ranked():
        params = " ".join(f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}" for key, value in trial.params.items())
        best, fresh = objective.text(trial.fid, metric), objective.text(trial.scored, metric)
        mark = " *" if trial.origin == "canonical" else ""
        rows.append([trial.id + mark, trial.state, trial.reason or "", f"{trial.kimg:.0f}", f"{trial.seconds:.0f}", best, fresh, params])
    print_table(["trial", "state", "reason", "kimg", "seconds", f"best {metric}", f"{metric} on fresh samples", "parameters"], rows)
    described = record.to_json()
    finals = [*described["finalists"], *([described["canonical"]] if described["canonical"].get("runs") else [])]
    if finals:
        print("\nRe-run with the same fresh seeds:")
        rows = []
        for final in finals:
            mean, std, *each = (
                objective.text(value, metric) for value in (final["mean"], final["std"], *(r["metrics"].get(metric) for r in final["runs"]))
            )
            rows.append([final["who"], mean, std, " ".join(each)])
        print_table(["who", f"mean {metric}", "std", "each seed"], rows)
    print("* the family's canonical setting" if len(record.families) == 1 else "* a family's canonical setting")
    if metric in record.floor:
        n, value = f"{record.floor['n']:,} " if "n" in record.floor else "", objective.text(record.floor[metric], metric)
        random = record.floor.get(f"{metric}_random")
        if random is None:
            print(f"floor: {metric} {value}, which {n}real, held-out examples read; fewer samples read higher")
        else:
            print(
                f"{metric} lies between {objective.text(random, metric)}, a random order of {n}held-out queries, and {value}, the best one"
            )


@app.command()
def report(
    names: Annotated[list[str], typer.Argument(metavar="SWEEP...")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into; default: the sweep's report/, of several RUNS/report-NAMES.")
    ] = None,
    runs: Runs = RUNS,
) -> None:
    """One page that compares trials, or whole sweeps; Parquet, CSV, Markdown and LaTeX beside it."""
    from gantune.report import write_report
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import find_sweep

    folders = list(dict.fromkeys(find_sweep(runs, name) for name in names))
    own = folders[0] / "report" if len(folders) == 1 else runs / f"report-{'-'.join(folder.name for folder in folders)}"
    files = write_report([SweepRecord.load(folder) for folder in folders], out or own)
    for file in files:
        print(file)


@app.command()
def sync(name: Annotated[str, typer.Argument(metavar="SWEEP")] = "latest", runs: Runs = RUNS) -> None:
    """Bring MLflow up to date with a sweep: what is missing there is replayed, what is there is left alone."""
    from gantune.tracking.replay import sync as replay
    from gantune.tracking.store import find_sweep

    folder = find_sweep(runs, name)
    result = replay(folder)
    print(f"{folder.name}: {result.runs} runs, {result.points} points and {result.artifacts} artifacts sent to MLflow")


@app.command()
def ui(
    name: Annotated[str, typer.Argument(metavar="SWEEP", help="Whose Optuna study to open.")] = "latest",
    port: Annotated[int, typer.Option(min=1, max=65534, help="MLflow's port; optuna-dashboard takes the next.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    runs: Runs = RUNS,
) -> None:
    """MLflow on the store, and optuna-dashboard on a sweep's study."""
    from gantune.tracking.store import find_sweep
    from gantune.ui import serve

    serve(runs, find_sweep(runs, name), host=host, port=port, say=print)


def _without_name(arguments: list[str]) -> list[str]:
    kept = [argument for argument in arguments if argument != "--detach" and not argument.startswith("--name=")]
    if "--name" in kept:
        place = kept.index("--name")
        del kept[place : place + 2]
    return kept


def check_runs(runs: Path) -> None:
    """`UserError` when the runs folder cannot be written; nothing is created."""
    import os

    place = runs.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"the runs folder {runs} cannot be written ({place}). Choose another with --runs.")


def _drive(spec: SweepSpec, folder: Path, run: Callable[[LiveState], SweepRecord]) -> None:
    from gantune.cli.live import showing
    from gantune.sweep import SweepInterrupted

    configs = [spec.config(params) for params, _ in spec.space.canonical()]
    readings = {None if (at := config.family.equilibrium(config.hparams)) is None else at.value for config in configs}
    try:
        with showing(folder.name, readings.pop() if len(readings) == 1 else None, spec.objective.metric) as live:
            record = run(live)
    except SweepInterrupted as stopped:
        print(f"gantune: {stopped}", file=sys.stderr)
        raise typer.Exit(130) from None
    _summarise(record)


def _summarise(record: SweepRecord) -> None:
    from gantune.report.summary import summary

    print()
    for line in summary(record):
        print(line)
    print(f"Report: {record.folder / 'report' / 'index.html'}")
    print(f"Browse: gantune ui {record.name}    Details: gantune show {record.name}")


def _dry_run(spec: SweepSpec, notes: list[str], warm: list[dict[str, Any]]) -> None:
    from gantune.cli.plan import describe

    for line in describe(spec, notes, warm):
        print(line)

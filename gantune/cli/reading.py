"""Sweeps that have been run: list, show, report, synchronise, browse."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantune.cli import objective
from gantune.cli.app import RUNS, Json, Runs, app, json_flag, print_json
from gantune.cli.cluster import ClusterFile, Local, head_for, report_there, there, ui_there
from gantune.cli.tables import print_table
from gantune.errors import UserError

FAILED = 5  # trials whose errors are shown

if TYPE_CHECKING:
    from gantune.tracking.record import SweepRecord

LOOPBACK = "127.0.0.1"


@app.command()
def ls(local: Local = False, cluster: ClusterFile = None, runs: Runs = RUNS, as_json: Json = False) -> None:
    """The sweeps in the runs folder."""
    head = head_for(local, cluster, runs, reads=True)
    if head is not None:
        there(head, "ls", *json_flag(as_json))
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
    if not summaries:
        print(f"there is no sweep in {runs.absolute()} yet.")
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


def _print_troubles(record: SweepRecord) -> None:
    """What went wrong, and what is still to be done."""
    from gantune.tracking.cursor import load_state

    if record.troubles:
        print(f"\n{record.troubles}.")
    for trial in [trial for trial in record.ranked() if trial.state == "failed"][:FAILED]:
        print(f"  {trial.id} {trial.reason}: {trial.evidence}")
    mlflow = load_state(record.folder)
    if mlflow is not None and mlflow.state != "ok":
        print(f"\nMLflow at {mlflow.uri} cannot be reached ({mlflow.last_error}). Once it can: gantune sync {record.name}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="SWEEP")] = "latest",
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """A sweep's trials, the best first, with reasons, finalists and the canonical setting."""
    head = head_for(local, cluster, runs, reads=True)
    if head is not None:
        there(head, "show", name, *json_flag(as_json))
    from gantune.cli.live import kimg_text
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
        rows.append([trial.id + mark, trial.state, trial.reason or "", kimg_text(trial.kimg), f"{trial.seconds:.0f}", best, fresh, params])
    print_table(["trial", "state", "reason", "kimg", "seconds", f"best {metric}", f"{metric} on fresh samples", "parameters"], rows)
    _print_troubles(record)
    if record.best is not None and record.best.takeovers:
        from gantune.repeating import train_command

        print("\nThe best trial took over from others on its way; its whole schedule, from the start:")
        print(train_command(record, record.best))
    described = record.to_json()
    finals = [*described["finalists"], *([described["canonical"]] if described["canonical"].get("runs") else [])]

    if finals:
        families = {trial.id: record.family_of(trial) for trial in record.trials} if len(record.families) > 1 else {}

        def named(who: str) -> str:  # a trial by its family, too, where there are several; canonical-dcgan says it by itself
            return f"{who} {families[who]}" if who in families else who

        print("\nRe-run with the same fresh seeds:")
        rows = []
        for final in finals:
            mean, std, *each = (
                objective.text(value, metric) for value in (final["mean"], final["std"], *(r["metrics"].get(metric) for r in final["runs"]))
            )
            rows.append([named(final["who"]), mean, std, " ".join(each)])
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
        Path | None,
        typer.Option(help="Folder to write into; default: the sweep's report/, of several and from a cluster RUNS/report-NAMES."),
    ] = None,
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
) -> None:
    """One page that compares trials, or whole sweeps; Parquet, CSV, Markdown and LaTeX beside it. A cluster's is brought here."""
    head = head_for(local, cluster, runs, reads=True)
    if head is not None:
        report_there(head, names, out)
        return
    from gantune.report import write_report
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import find_sweep

    folders = list(dict.fromkeys(find_sweep(runs, name) for name in names))
    own = folders[0] / "report" if len(folders) == 1 else runs / f"report-{'-'.join(folder.name for folder in folders)}"
    files = write_report([SweepRecord.load(folder) for folder in folders], out or own)
    for file in files:
        print(file)


@app.command()
def sync(
    name: Annotated[str, typer.Argument(metavar="SWEEP")] = "latest",
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
) -> None:
    """Bring MLflow up to date with a sweep: what is missing there is replayed, what is there is left alone."""
    head = head_for(local, cluster, runs)
    if head is not None:
        there(head, "sync", name)
    from gantune.tracking.store import find_sweep
    from gantune.tracking.sync import sync as bring_up_to_date

    folder = find_sweep(runs, name)
    result = bring_up_to_date(folder)
    sent = f"{result.runs} runs, {result.points} points and {result.artifacts} artifacts sent to MLflow"
    print(f"{folder.name}: {sent if any(vars(result).values()) else 'MLflow has all of it'}")


@app.command()
def ui(
    name: Annotated[str, typer.Argument(metavar="SWEEP", help="Whose Optuna study to open.")] = "latest",
    port: Annotated[int, typer.Option(min=1, max=65534, help="MLflow's port; optuna-dashboard takes the next.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = LOOPBACK,
    forwarded: Annotated[bool, typer.Option("--forwarded", hidden=True)] = False,
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
) -> None:
    """MLflow on the store, and optuna-dashboard on a sweep's study; a cluster's at ports of this machine."""
    head = head_for(local, cluster, runs, reads=True)
    if head is not None:
        if host != LOOPBACK:
            raise UserError(f"--host {host}: a cluster's servers are seen on {LOOPBACK} alone. Leave it out, or give --local.")
        ui_there(head, name, port)
    from gantune.tracking.store import find_sweep
    from gantune.ui import serve

    serve(runs, find_sweep(runs, name), host=host, port=port, say=print, forwarded=forwarded)

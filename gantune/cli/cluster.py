"""Verbs that go to the cluster of this folder: sweeps are shipped and followed there, questions answered there."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantune.cli.app import RUNS, print_json
from gantune.errors import UserError

if TYPE_CHECKING:
    from gantune.remote.cluster import Candidate
    from gantune.remote.head import Answer, Head

Local = Annotated[bool, typer.Option("--local", help="This machine, even where RAY_ADDRESS or cluster.yaml names a cluster.")]
ClusterFile = Annotated[
    Path | None,
    typer.Option("--cluster", metavar="FILE", help="Ray's file of a cluster that is up; default: ./cluster.yaml after `ray up`."),
]
MANY = 64  # GPUs, for the first look at a sweep whose cluster does not say how many it may have


@dataclass(frozen=True)
class Request:
    """A sweep as it was asked for."""

    sweep: str
    sets: Sequence[str] = ()
    trials: int | None = None
    data: str | None = None
    name: str | None = None
    warm_start: Sequence[str] = field(default_factory=tuple)

    def words(self, *, sweep: str | None = None, name: str | None = None) -> list[str]:
        """The command line that asks for it, with another file or name."""
        named = self.name if name is None else name
        options = (("--trials", self.trials), ("--data", self.data), ("--name", named))
        return [
            "sweep",
            self.sweep if sweep is None else sweep,
            *(word for text in self.sets for word in ("--set", text)),
            *(word for flag, value in options if value is not None for word in (flag, str(value))),
            *(word for other in self.warm_start for word in ("--warm-start", other)),
        ]


def cluster_for(local: bool, cluster: Path | None, runs: Path) -> Candidate | None:
    """The cluster of this folder; None where a verb is for this machine: with --local, --runs, GANTUNE_RUNS or RAY_ADDRESS, or without a
    cluster."""
    address, usual = os.environ.get("RAY_ADDRESS"), os.environ.get("GANTUNE_RUNS")
    folder = "GANTUNE_RUNS" if usual and Path(usual) == runs else "--runs"
    elsewhere = [flag for flag, given in (("--local", local), ("RAY_ADDRESS", address), (folder, runs != RUNS)) if given]
    if elsewhere:
        if cluster is not None:
            raise UserError(f"--cluster {cluster} and {elsewhere[0]} name different places. Give one of them.")
        return None
    from gantune.remote.cluster import find_cluster

    return find_cluster(cluster)


def head_for(local: bool, cluster: Path | None, runs: Path, *, reads: bool = False) -> Head | None:
    """The head of this folder's cluster; None where a verb is for this machine.

    `UserError` where the cluster should be there and is not. A verb that only `reads` looks at this machine's runs then, and says so,
    when the cluster is certainly down.
    """
    found = cluster_for(local, cluster, runs)
    if found is None:
        return None
    from gantune.remote.head import Head
    from gantune.remote.launcher import ClusterDown

    try:
        return Head(found.reach())
    except ClusterDown as down:
        if not reads or cluster is not None:
            raise
        print(f"note: {str(down).partition('. ')[0]}. This is about the runs on this machine.", file=sys.stderr)
        return None


def there(head: Head, *words: str) -> None:
    """A verb on the head, as if it were here. Ends with its exit code."""
    raise typer.Exit(head.pass_on(*words))


def attach_there(head: Head, name: str) -> None:
    """Follow a sweep of the cluster's; Ctrl-C leaves it running. Ends with the exit code."""
    with _detachable(head, name):
        there(head, "attach", name)


def sweep_there(cluster: Candidate, request: Request, *, dry_run: bool, detach: bool, as_json: bool) -> None:
    """Ship what the sweep names, start it on the head, and follow it. Ends with the exit code."""
    from gantune.remote.head import Head
    from gantune.remote.launcher import copy_up
    from gantune.remote.shipping import files_of, name_there, stage

    folder = Path.cwd()
    files = files_of(request.sweep, request.sets, folder)
    _check_here(cluster, request)
    head = Head(cluster.reach())
    if not as_json:
        print(f"{request.sweep} {'would run' if dry_run else 'runs'} on {head.cluster}", flush=True)
    with tempfile.TemporaryDirectory() as staged:
        stage(files, folder, Path(staged))
        place = _answered(head.ask("--prepare")).strip()
        copy_up(head.cluster.file, Path(staged), place)
    words = request.words(sweep=name_there(request.sweep, folder))
    if dry_run:
        print(_answered(head.ask(*words, "--dry-run", cd=place, discard=True)), end="")
        return
    _begin(head, words, place, detach=detach, as_json=as_json)


def resume_there(head: Head, words: Sequence[str], *, detach: bool, as_json: bool) -> None:
    """Go on with a sweep of the cluster's, and follow it. Ends with the exit code."""
    if not as_json:
        print(f"{words[1]} is resumed on {head.cluster}", flush=True)
    _begin(head, words, None, detach=detach, as_json=as_json)


def report_there(head: Head, names: Sequence[str], out: Path | None) -> None:
    """Write the report on the head and bring its folder here."""
    from gantune.remote.launcher import copy_down

    written = [Path(line) for line in _answered(head.ask("report", *names)).split("\n") if line]
    folder = out or RUNS / f"report-{'-'.join(names)}"
    copy_down(head.cluster.file, str(written[0].parent), folder)
    for file in written:
        print(folder / file.name)


def ui_there(head: Head, name: str, port: int) -> None:
    """MLflow and optuna-dashboard of the head, at the same ports here; an MLflow elsewhere is only named. Ends with the exit code."""
    from gantune.ui import check_free

    facts = json.loads(_answered(head.ask("--facts")))
    ports = [port + 1]
    if not facts["tracking"].startswith("http"):  # the head serves its store
        ports.insert(0, port)
    for each in ports:
        check_free("127.0.0.1", each)
    if facts["port"] is not None:  # its server's own
        check_free("127.0.0.1", facts["port"], "The cluster's MLflow can be seen at this port only: end what uses it here.")
        ports.insert(0, facts["port"])
    words = ["ui", name, "--port", str(port), "--forwarded"]
    try:
        code = head.pass_on(*words, ports=ports)
    except KeyboardInterrupt:
        print()
        code = 0
    raise typer.Exit(code)


def _begin(head: Head, words: Sequence[str], place: str | None, *, detach: bool, as_json: bool) -> None:
    try:
        begun: dict[str, Any] = json.loads(_answered(head.ask(*words, "--detach", "--json", cd=place)))
    except KeyboardInterrupt:
        print(f"gantune: stopped while it was being started; it may have begun: gantune ls{head.cluster.flag}", file=sys.stderr)
        raise typer.Exit(130) from None
    name = begun["sweep"]
    if as_json:
        print_json(begun | {"cluster": head.cluster.name, "head": head.cluster.head})
        return
    driver = f"Ray job {begun['job']}" if "job" in begun else f"process {begun['process']}"
    with _detachable(head, name):
        for note in begun["notes"]:
            print(note)
        print(f"{name} has begun there as {driver}", flush=True)
        if detach:
            print(_ways(head, name))
            return
        there(head, "attach", name)


def _ways(head: Head, name: str) -> str:
    flag = head.cluster.flag
    return f"Follow it: gantune attach {name}{flag}    End it: gantune stop {name}{flag}"


@contextlib.contextmanager
def _detachable(head: Head, name: str) -> Iterator[None]:
    """What follows a sweep there: Ctrl-C or a broken connection end it here, and the sweep goes on."""
    from gantune.remote.head import ConnectionLost

    try:
        yield
    except KeyboardInterrupt:
        print(f"\ndetached: {name} keeps running on {head.cluster}. {_ways(head, name)}")
        raise typer.Exit(0) from None
    except ConnectionLost:
        back = f"gantune attach {name}{head.cluster.flag}"
        print(f"gantune: the connection to {head.cluster} was lost; {name} goes on. Come back: {back}", file=sys.stderr)
        raise typer.Exit(1) from None


def _check_here(cluster: Candidate, request: Request) -> None:
    """A mistake in the sweep costs no network. What names data of the cluster can only be checked there."""
    from gantune.data import split_path
    from gantune.remote.shipping import data_of
    from gantune.spec import load_sweep

    named = [request.data] if request.data else data_of(request.sweep, request.sets)
    paths = {data: path for data in named if (path := split_path(data)[1]) is not None}
    for data in paths:
        print(f"note: {data} names a path on the cluster, not here", file=sys.stderr)
    if not all(Path(path).expanduser().exists() for path in paths.values()):
        return
    failed: UserError | None = None
    for gpus in (0, MANY) if cluster.gpus is None else (cluster.gpus,):  # where that is not known, it must be good for one of them
        try:
            load_sweep(request.sweep, sets=request.sets, trials=request.trials, data=request.data, name=request.name, gpus=gpus)
            return
        except UserError as error:
            failed = error
    assert failed is not None
    raise failed


def _answered(answer: Answer) -> str:
    """What it printed; where the verb failed, that is told as it was there."""
    sys.stderr.write(answer.err)
    if answer.code:
        raise typer.Exit(answer.code)
    return answer.out

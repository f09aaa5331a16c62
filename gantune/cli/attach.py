"""Coming back to a sweep that runs."""

from __future__ import annotations

from typing import Annotated

import typer

from gantune.cli.app import RUNS, Runs, app
from gantune.cli.cluster import ClusterFile, Local, attach_there, head_for
from gantune.cli.driving import follow


@app.command()
def attach(
    name: Annotated[str, typer.Argument(metavar="SWEEP")] = "latest",
    local: Local = False,
    cluster: ClusterFile = None,
    runs: Runs = RUNS,
) -> None:
    """Follow a sweep that runs elsewhere: in the background, in another terminal, on the cluster. Ctrl-C leaves it running."""
    head = head_for(local, cluster, runs)
    if head is not None:
        attach_there(head, name)
        return
    from gantune.tracking.lock import driver_of
    from gantune.tracking.store import LATEST, find_sweep

    folder = find_sweep(runs, name)
    if name == LATEST and driver_of(folder) is None:
        print(f"no sweep is running in {runs} (one that starts is seen after some seconds); the latest is {folder.name}")
    follow(folder)

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
    from gantune.tracking.store import find_sweep

    follow(find_sweep(runs, name))

"""Whether a worker sees the sweep's folder as the driver does: a node that came later may lack it, and would make one of its own."""

from __future__ import annotations

import errno
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantune.tracking.store import SWEEP

KINDS = ("trials", "finalists")
SECONDS = 30.0  # for a network's file system to show what another machine has written, or to be mounted on a machine that has just joined


def check_seen(plan: Mapping[str, Any]) -> None:
    """`OSError` of a kind that another node may not have, unless the driver's description of the sweep lies above the plan's folder."""
    folder = Path(plan.get("folder", "."))
    if folder.parent.name not in KINDS:
        return
    marker = folder.parent.parent / SWEEP
    until = time.monotonic() + SECONDS
    while not marker.is_file():
        if time.monotonic() > until:
            raise OSError(
                errno.ESTALE,
                f"node {platform.node()} does not see the sweep's folder {marker.parent}: mount there what the other nodes share "
                "(`gantune doctor` tells which nodes lack it)",
            )
        time.sleep(0.1)

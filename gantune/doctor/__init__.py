"""Is this machine, or the cluster, fit for gantune? Findings, each with its mend."""

from __future__ import annotations

import os
from pathlib import Path

from gantune.doctor.check import Check
from gantune.doctor.machine import examine_machine
from gantune.runtime.address import ALONE

__all__ = ["Check", "examine"]


def examine(runs: Path, *, local: bool = False) -> list[Check]:
    """All findings about this machine and, unless `local`, about every node of the cluster that RAY_ADDRESS names."""
    checks = examine_machine(runs)
    if local or os.environ.get("RAY_ADDRESS", "") in ("", ALONE) or not all(check.ok for check in checks if check.name == "Ray"):
        return checks
    from gantune.doctor.cluster import examine_cluster

    return [*checks, *examine_cluster(runs)]

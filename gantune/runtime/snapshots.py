"""Ray's own snapshots of a sweep, of which nothing is needed."""

from __future__ import annotations

import json
from pathlib import Path


def warning_about_snapshots(folder: Path) -> str | None:
    """One line when the latest driver's snapshot is torn: it is refused, and the sweep goes on from the spool."""
    segments = sorted((entry for entry in (folder / "ray").glob("*") if entry.name.isdigit()), key=lambda entry: int(entry.name))
    for path in sorted(segments[-1].glob("experiment_state-*.json")) if segments else []:
        try:
            json.loads(path.read_text())
        except ValueError:
            return (
                f"{path} is truncated: Ray's snapshot is refused and not used. The sweep goes on from gantune's own records, "
                "nothing is lost; do not restore that folder with Ray itself."
            )
    return None

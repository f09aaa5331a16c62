"""The sweeps that come with gantune, without those that somebody keeps beside them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gantune import bundled

ROOT = Path(__file__).parents[1]


def shipped_sweeps() -> tuple[str, ...]:
    """Their names: what git knows of in sweeps/, or all of it where this is no checkout."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "sweeps"], capture_output=True, text=True, check=False)
    known = tuple(sorted(Path(line).stem for line in listed.stdout.splitlines() if line.endswith(".yaml")))
    return known or bundled.names("sweeps")

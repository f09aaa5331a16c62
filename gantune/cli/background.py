"""A sweep that goes on without its terminal."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from gantune.errors import UserError
from gantune.tracking.store import SWEEP

BEGUN_WITHIN = 90.0  # seconds


def start_in_background(folder: Path, arguments: list[str]) -> None:
    """Run `gantune ARGUMENTS` in a session of its own and return once the sweep has begun in `folder`. `UserError` when it does not."""
    log = folder.with_name(f"{folder.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "gantune", *arguments, "--name", folder.name]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.monotonic() + BEGUN_WITHIN
    while not (folder / SWEEP).is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            raise UserError(f"the sweep did not begin: {log.read_text().strip()[-300:] or 'it said nothing'}")
        time.sleep(0.2)
    print(f"{folder.name} runs in the background (process {process.pid}); its output goes to {log}")
    print(f"Follow: gantune show {folder.name}    End: gantune stop {folder.name}")

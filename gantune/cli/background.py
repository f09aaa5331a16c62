"""A sweep that goes on without its terminal: as a Ray job on the head of a cluster, else as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantune.cli.app import print_json
from gantune.cli.driving import again
from gantune.errors import UserError
from gantune.tracking.spool import FILE, read_from

if TYPE_CHECKING:
    from gantune.runtime.jobs import Job

BEGUN_WITHIN = 180.0  # seconds
LAST_WORDS = 300  # characters of a driver's output that tell why it did not begin


@dataclass(frozen=True)
class Background:
    """A driver in a session of its own; `printed` is where in its log its output begins."""

    process: subprocess.Popen[bytes]
    log: Path
    printed: int

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.process.poll() is not None

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_bytes()[self.printed :].decode(errors="replace")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()

    def __str__(self) -> str:
        return f"process {self.process.pid} (its output: {self.log})"


def start_in_background(folder: Path, arguments: Sequence[str], *, local: bool, notes: Sequence[str] = (), as_json: bool = False) -> None:
    """Run `gantune ARGUMENTS`, which drives the sweep in `folder`, and return once it has begun. `UserError` when it does not.

    What was started, and the `notes` that the user should know, are printed.
    """
    spool = folder / FILE
    before = spool.stat().st_size if spool.is_file() else 0
    safe = ["-P"] if sys.flags.safe_path else []  # a user's file beside the sweep must not stand in for a module
    command = [sys.executable, *safe, "-m", "gantune", *arguments]
    driver = _started(folder, command, local)
    _wait(folder, before, driver)
    if as_json:
        print_json({"sweep": folder.name, "folder": str(folder.absolute()), **_named(driver), "notes": list(notes)})
        return
    for note in notes:
        print(note)
    print(f"{folder.name} runs in the background as {driver}")
    print(f"Follow it: {again('attach', folder)}    End it: {again('stop', folder)}")


def _started(folder: Path, command: list[str], local: bool) -> Job | Background:
    from gantune.runtime.jobs import job_api, submit

    api = None if local else job_api()
    if api is not None:
        return submit(api, folder.name, command, Path.cwd())
    log = folder.with_name(f"{folder.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        printed = out.tell()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    return Background(process, log, printed)


def _wait(folder: Path, before: int, driver: Job | Background) -> None:
    deadline = time.monotonic() + BEGUN_WITHIN
    while True:
        over, late = driver.is_over, time.monotonic() > deadline
        if any(event["kind"] == "driver" for event, _ in read_from(folder, before)):
            return
        if over or late:
            if not over:
                driver.stop()
            said = driver.output.strip()
            raise UserError(
                _reason(said) if said else f"the sweep did not begin{'' if over else f' within {BEGUN_WITHIN:g} s'}, and said nothing."
            )
        time.sleep(0.2)


def _reason(said: str) -> str:
    """The message that the driver's command line ended with, or else its last words."""
    lines = said.splitlines()
    begins = [number for number, line in enumerate(lines) if line.startswith("gantune: ")]
    if not begins:
        return f"the sweep did not begin: {said[-LAST_WORDS:]}"
    return "\n".join(lines[begins[-1] :]).removeprefix("gantune: ")


def _named(driver: Job | Background) -> dict[str, Any]:
    if isinstance(driver, Background):
        return {"process": driver.process.pid, "log": str(driver.log.absolute())}
    return {"job": driver.id}

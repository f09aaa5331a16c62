"""A sweep on the terminal: driven here, or followed while another process drives it; its live table, and what was found."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gantune.cli.app import RUNS

if TYPE_CHECKING:
    from gantune.runtime.live import LiveState
    from gantune.spec import SweepSpec
    from gantune.tracking.record import SweepRecord

PAUSE = 0.5  # seconds between two looks at a sweep that is followed
REPORT_WITHIN = 120.0  # seconds after a sweep's end; its driver writes the report last


def drive(spec: SweepSpec, folder: Path, run: Callable[[LiveState], SweepRecord]) -> None:
    """Run or go on with a sweep under its live table, and sum it up. Ends with code 130 when it was told to stop, 1 when it gave up."""
    from gantune.cli.live import showing
    from gantune.sweep import SweepInterrupted

    try:
        with showing(folder.name, _equilibrium(spec), spec.objective.metric) as live:
            record = run(live)
    except SweepInterrupted as stopped:
        print(f"gantune: {stopped.why}: {folder.name} stopped. Go on with: {again('resume', folder)}", file=sys.stderr)
        raise typer.Exit(130 if stopped.asked else 1) from None
    _summarise(record)


def follow(folder: Path) -> None:
    """Show a sweep that is driven elsewhere until it is done, and sum it up. Ctrl-C leaves it running; code 1 when nobody drives it."""
    from gantune.cli.live import showing
    from gantune.runtime.following import Following
    from gantune.spec import SweepSpec
    from gantune.tracking.lock import driver_of
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import frozen

    spec = SweepSpec.from_json(frozen(folder)["spec"])
    try:
        with showing(folder.name, _equilibrium(spec), spec.objective.metric) as live:
            following = Following(spec, folder, live)
            driven = True
            while driven:
                driven = driver_of(folder) is not None  # asked first, so that what the driver wrote last is read, too
                following.advance()
                time.sleep(PAUSE if driven else 0)
    except KeyboardInterrupt:
        print(f"\ndetached: {folder.name} keeps running. Follow it: {again('attach', folder)}    End it: {again('stop', folder)}")
        return
    if following.done is None:
        what = (
            f"was stopped ({following.stopped})" if following.stopped else "has no driver any more: it was killed, or its machine is gone"
        )
        print(f"gantune: {folder.name} {what}. Go on with: {again('resume', folder)}", file=sys.stderr)
        raise typer.Exit(1)
    _await_report(folder, following.done)
    _summarise(SweepRecord.load(folder))


def again(verb: str, folder: Path) -> str:
    """The command that does `verb` to the sweep in `folder`, as it would be typed here."""
    from gantune.remote.cluster import find_cluster
    from gantune.remote.far import AFAR

    usual = os.environ.get("GANTUNE_RUNS")
    if folder.parent.absolute() != Path(usual or RUNS).absolute():
        return f"gantune {verb} {folder.name} --runs {folder.parent}"
    if AFAR in os.environ:
        return f"gantune {verb} {folder.name} {os.environ[AFAR]}".rstrip()
    beside_a_cluster = not usual and not os.environ.get("RAY_ADDRESS") and find_cluster() is not None
    return f"gantune {verb} {folder.name}{' --local' if beside_a_cluster else ''}"


def _equilibrium(spec: SweepSpec) -> float | None:
    """D's loss at p = q, where it is the same for all canonical settings."""
    configs = [spec.config(params) for params, _ in spec.space.canonical()]
    readings = {None if (at := config.family.equilibrium(config.hparams)) is None else at.value for config in configs}
    return readings.pop() if len(readings) == 1 else None


def _await_report(folder: Path, done: float) -> None:
    page = folder / "report" / "index.html"
    while time.time() < done + REPORT_WITHIN and not (page.is_file() and page.stat().st_mtime >= done - 1):  # clocks of disks are coarse
        time.sleep(PAUSE)


def _at_words(line: str) -> str:
    """Broken between words where a terminal is narrower."""
    if not sys.stdout.isatty():
        return line
    return textwrap.fill(line, shutil.get_terminal_size().columns, break_long_words=False, break_on_hyphens=False)


def _summarise(record: SweepRecord) -> None:
    from gantune.report.summary import summary

    print()
    for line in summary(record):
        print(line if "gantune " in line else _at_words(line))  # a command stays one line, to be copied
    from gantune.remote.far import AFAR

    page = again("report", record.folder) if AFAR in os.environ else record.folder / "report" / "index.html"
    print(f"Report: {page}")
    print(f"Browse: {again('ui', record.folder)}    Details: {again('show', record.folder)}")

"""A sweep that runs in this terminal: its live table, and what was found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gantune.runtime.live import LiveState
    from gantune.spec import SweepSpec
    from gantune.tracking.record import SweepRecord


def drive(spec: SweepSpec, folder: Path, run: Callable[[LiveState], SweepRecord]) -> None:
    """Run or go on with a sweep under its live table, and sum it up. Ends with code 130 when it was told to stop."""
    from gantune.cli.live import showing
    from gantune.sweep import SweepInterrupted

    configs = [spec.config(params) for params, _ in spec.space.canonical()]
    readings = {None if (at := config.family.equilibrium(config.hparams)) is None else at.value for config in configs}
    try:
        with showing(folder.name, readings.pop() if len(readings) == 1 else None, spec.objective.metric) as live:
            record = run(live)
    except SweepInterrupted as stopped:
        print(f"gantune: {stopped}", file=sys.stderr)
        raise typer.Exit(130) from None
    _summarise(record)


def _summarise(record: SweepRecord) -> None:
    from gantune.report.summary import summary

    print()
    for line in summary(record):
        print(line)
    print(f"Report: {record.folder / 'report' / 'index.html'}")
    print(f"Browse: gantune ui {record.name}    Details: gantune show {record.name}")

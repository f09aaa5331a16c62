"""Reports on sweeps: a page to read and data files to work with.

`write_report` writes into a folder, replacing what an earlier report left there:

    index.html      the page: one file, needs no network
    table.md        the ranked trials and the finalists in Markdown
    table.tex       the same in LaTeX (booktabs, longtable)
    trials.parquet  one row a trial; trials.csv has the same columns
    curves.parquet  one row a report

Columns of trials (text where nothing else is said; null where there is no value):

    sweep, family, data       what was searched
    objective                 the metric that ranks
    trial, number             id within the sweep, and Optuna's number (int64)
    origin                    canonical, sampler or user
    state, reason, evidence   how it ended and on what grounds
    note                      what was moved to fit the search space
    rank                      int64, within `settings`
    settings                  key that agrees for values measured alike; or "not rescored", "no value"
    kimg, seconds             float64: images and device seconds used
    best, best_kimg           float64: the best value while training, and where
    rescored                  float64: its best checkpoint's value on fresh samples
    provenance                how that was measured, as JSON
    searched                  names of the searched parameters, comma-separated
    rescored.NAME             float64: every rescored metric
    param.NAME                every setting of the run: int64, float64, bool, or text (schedules as JSON)

Columns of curves: sweep, trial, kimg, images, seconds, and every reported quantity under its name in `gantune.signals`, float64.
Null: not measured at that report; NaN: measured as NaN.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gantune.errors import UserError

if TYPE_CHECKING:
    from gantune.tracking.record import SweepRecord


def write_report(records: list[SweepRecord], out: Path) -> list[Path]:
    """Write the report on one or several sweeps into `out`; each file appears whole or not at all. Returns the files.

    Raises `UserError` where there is nothing to report on or `out` cannot be written.
    """
    from gantune.report.datafiles import csv, curves_table, parquet, trials_table
    from gantune.report.finals import contenders
    from gantune.report.page import render
    from gantune.report.rows import Sweep
    from gantune.report.tables import latex, markdown, tables

    if not records:
        raise UserError("report: no sweep was given. `gantune ls` lists what there is.")
    sweeps = [Sweep.of(record) for record in records]
    found = [table for sweep in sweeps for table in tables(sweep, contenders(sweep))]
    trials = trials_table(sweeps)
    contents = {
        "index.html": render(sweeps).encode(),
        "trials.parquet": parquet(trials),
        "curves.parquet": parquet(curves_table(sweeps)),
        "trials.csv": csv(trials),
        "table.md": markdown(found).encode(),
        "table.tex": latex(found).encode(),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [_write(out / name, content) for name, content in contents.items()]
    except OSError as error:
        raise UserError(f"report: cannot write to {out}: {error.strerror}. Give another folder with --out.") from None


def _write(path: Path, content: bytes) -> Path:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, path)
    return path

"""A sweep's outcome in a few sentences, for the terminal."""

from __future__ import annotations

from gantune.report import words
from gantune.report.compute import spent
from gantune.report.finals import contenders, sentence
from gantune.report.rows import Sweep
from gantune.tracking.record import SweepRecord


def summary(record: SweepRecord) -> list[str]:
    """The headline of the report's page, and how the trials ended."""
    sweep = Sweep.of(record)
    return [words.headline(sweep, sentence(sweep, contenders(sweep))), words.counts(spent(sweep), sweep)]

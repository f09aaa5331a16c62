"""A single run on the terminal: what it is about to do, a line a report, and below them how far it is."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from gantune.cli import objective
from gantune.cli.live import span

if TYPE_CHECKING:
    from gantune.signals import Point
    from gantune.trial import Trial


class Watch:
    """Prints a run's beginning and its reports, and knows how far it is between them."""

    def __init__(self, notes: Sequence[str]) -> None:
        self._notes = notes
        self._trial: Trial | None = None
        self._metric = "fid"
        self._began = self._kimg = 0.0

    def begin(self, trial: Trial) -> None:
        """Say what is about to be trained."""
        from gantune.single_words import describe

        self._metric = trial.plan.objective
        header = f"   kimg  d_loss  to eq.  held out  g_loss {objective.title(self._metric):>9}  img/s"
        for line in (*self._notes, *describe(trial), header):
            print(line, flush=True)
        self._began, self._kimg = time.monotonic(), trial.trainer.kimg
        self._trial = trial

    def report(self, point: Point, equilibrium: float | None) -> None:
        """A line with what was measured."""
        d_loss = point.get("d_loss", math.nan)
        distance = "" if equilibrium is None else f"{d_loss - equilibrium:+.3f}"
        held, g_loss, quality, rate = (point.get(name, math.nan) for name in ("d_loss_heldout", "g_loss", self._metric, "images_per_s"))
        value = objective.text(quality, self._metric)
        print(f"{point['kimg']:7.1f} {d_loss:7.3f} {distance:>7} {held:9.3f} {g_loss:7.3f} {value:>9} {rate:6.0f}", flush=True)

    def progress(self) -> str:
        """Such as `12.3 of 60 kimg, 850 images/s, about 4 min left`: the pace counts the measuring, too."""
        if self._trial is None:
            return "opening data and networks ..."
        kimg, whole = self._trial.trainer.kimg, self._trial.plan.kimg
        pace = (kimg - self._kimg) / max(time.monotonic() - self._began, 1e-9)
        ahead = f", {1000 * pace:,.0f} images/s, about {span((whole - kimg) / pace)} left" if pace > 0 else ""
        return f"{kimg:.1f} of {whole:g} kimg{ahead}"


@contextmanager
def watching(notes: Sequence[str]) -> Iterator[Watch]:
    """A watch; on a terminal its progress stands below the reports while the block runs."""
    watch = Watch(notes)
    if not sys.stdout.isatty():
        yield watch
        return
    with Live(get_renderable=lambda: Text(watch.progress(), style="dim"), console=Console(), refresh_per_second=4, transient=True):
        yield watch

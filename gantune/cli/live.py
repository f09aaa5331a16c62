"""The running sweep on the terminal: a table that redraws itself, or plain lines in a pipe."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gantune.cli import objective
from gantune.runtime.live import LiveState, Picture, TrialView

ROWS = 24  # of the table; running trials first, then the best
SPARED = 4  # cells at the right, where the terminal may echo Ctrl-C as ^C: a full line would break there, and the picture move down
HEARTBEAT = 30.0  # seconds after which a pipe is told how far all is
STYLES = {"running": "cyan", "complete": "green", "pruned": "yellow", "failed": "red", "stopped": "magenta"}


@contextmanager
def showing(name: str, equilibrium: float | None, metric: str) -> Iterator[LiveState]:
    """A live picture of the sweep while the block runs."""
    live = LiveState(name)
    if not sys.stdout.isatty():
        lines = _Lines(live, equilibrium, metric)
        live.on_change = lines.update
        yield live
        return
    console = Console()

    def drawing() -> RenderableType:
        return Constrain(table_of(live.picture, equilibrium, metric), console.width - SPARED)

    with Live(get_renderable=drawing, console=console, refresh_per_second=4):
        yield live


def table_of(picture: Picture, equilibrium: float | None, metric: str) -> RenderableType:
    """The whole display for one moment."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for column in ("trial", "state"):
        table.add_column(column, no_wrap=True, min_width=6 if column == "trial" else 8)
    for column in ("kimg", objective.title(metric), "d_loss", _equilibrium_name(equilibrium)):
        table.add_column(column, justify="right", no_wrap=True, min_width=max(6, len(column)))
    table.add_column("reason", overflow="ellipsis", no_wrap=True, ratio=1)  # what room there is
    views = picture.finals if picture.phase in ("finalists", "done") and picture.finals else picture.trials
    for view in _chosen(list(views.values()), metric):
        table.add_row(*_cells(view, equilibrium, metric), style=STYLES.get(view.state, ""))
    hidden = len(views) - ROWS
    parts: list[RenderableType] = [_headline(picture), _bar(picture), table]
    if hidden > 0:
        parts.append(Text(f"and {hidden} more; `gantune show {picture.name}` lists all", style="dim"))
    parts += [Text(note, style="dim") for note in picture.notes[-4:]]
    if picture.stall is not None:
        parts.append(Text(picture.stall, style="yellow"))
    return Group(*parts)


def _chosen(views: list[TrialView], metric: str) -> list[TrialView]:
    def place(view: TrialView) -> tuple[bool, float]:
        return view.state != "running", objective.best_first(view.score if view.score is not None else view.fid, metric)

    return sorted(views, key=place)[:ROWS]


def _cells(view: TrialView, equilibrium: float | None, metric: str) -> list[str]:
    value = view.score if view.score is not None else view.fid
    reason = " ".join(part for part in (view.reason, f"({view.evidence})" if view.evidence else "") if part)
    family = view.family.rpartition(":")[2] if view.family else ""  # of a user's own its class
    name = " ".join(part for part in (view.id, family, "*" if view.origin == "canonical" else "") if part)
    loss = "" if view.d_loss is None else f"{view.d_loss:.3f}"
    return [name, view.state, kimg_text(view.kimg), objective.text(value, metric), loss, _distance(view.d_loss, equilibrium), reason]


def _headline(picture: Picture) -> Text:
    if picture.phase == "search":
        text = f"{picture.name}: search, {picture.ended} of {picture.total} trials ended, {picture.stopped_early} stopped early"
        text += f" ({picture.troubles})" if picture.troubles else ""
    elif picture.phase == "finalists":
        done = sum(view.state == "complete" for view in picture.finals.values())
        text = f"{picture.name}: finalists and the canonical setting, {done} of {picture.finals_total} runs"
    else:
        text = f"{picture.name}: {picture.phase}"
    left = picture.seconds_left
    return Text(
        text
        + (f", about {span(left)}{' of search' if picture.phase == 'search' else ''} left" if left else "")
        + (f"  [{picture.slots} at a time]" if picture.slots and picture.phase != "done" else ""),
        style="bold",
    )


def _bar(picture: Picture) -> RenderableType:
    views, total = picture.trials, max(1, picture.total)
    if picture.phase == "finalists" and picture.finals_total:
        views, total = picture.finals, picture.finals_total
    budget = max(picture.kimg_budget, 1e-9)
    done = sum(1.0 if view.state != "running" else min(1.0, view.kimg / budget) for view in views.values())
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(total=total, completed=min(done, total), width=60, complete_style="cyan"), f"{done / total:.0%}")
    return bar


class _Lines:
    """One line for each trial that ends, each phase and each note."""

    def __init__(self, live: LiveState, equilibrium: float | None, metric: str) -> None:
        self.live, self.equilibrium, self.metric = live, equilibrium, metric
        self.said: set[str] = set()
        self.spoke = time.monotonic()

    def update(self) -> None:
        """Print what is new."""
        picture = self.live.picture
        if picture.phase == "start":  # what an earlier driver left
            self.said |= {_key(view) for view in picture.trials.values() if view.state != "running"}
        self._say(f"phase {picture.phase}", f"[{picture.name}] {picture.phase}")
        for note in picture.notes:
            self._say(f"note {note}", note)
        if picture.stall is not None:
            self._say(f"stall {picture.stall}", picture.stall)
        for view in [*picture.trials.values(), *picture.finals.values()]:
            key = _key(view)
            if view.state != "running" and key not in self.said:  # a line is put together once, though asked for at every report
                self._say(key, self._ended(view))
        if picture.phase in ("search", "finalists") and time.monotonic() - self.spoke > HEARTBEAT:
            self._print(_headline(picture).plain)

    def _ended(self, view: TrialView) -> str:
        title = objective.title(self.metric)
        name, state, kimg, value, d_loss, distance, reason = _cells(view, self.equilibrium, self.metric)
        if view.score is not None:
            return f"{name}  {title} {value} on fresh samples"
        loss = (f"  d_loss {d_loss}" if d_loss else "") + (f" ({distance})" if distance else "")
        return f"{name}  {state}  {kimg} kimg  {title} {value}{loss}  {reason}".rstrip()

    def _say(self, key: str, line: str) -> None:
        if key not in self.said:
            self.said.add(key)
            self._print(line)

    def _print(self, line: str) -> None:
        print(line, flush=True)
        self.spoke = time.monotonic()


def _key(view: TrialView) -> str:
    return f"{view.id} {view.state if view.score is None else 'scored'}"


def _equilibrium_name(equilibrium: float | None) -> str:
    if equilibrium is not None and math.isclose(equilibrium, math.log(2)):
        return "to ln 2"
    return "to eq." if equilibrium is None else f"to {equilibrium:g}"


def _distance(d_loss: float | None, equilibrium: float | None) -> str:
    return "" if d_loss is None or equilibrium is None else f"{d_loss - equilibrium:+.3f}"


def kimg_text(kimg: float) -> str:
    """Whole kimg, of small budgets two digits."""
    return f"{kimg:.0f}" if kimg >= 9.95 else f"{kimg:.2g}"


def span(seconds: float) -> str:
    """A time as `40 s`, `4 min`, `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes >= 2 else f"{minutes * 60 + rest} s"

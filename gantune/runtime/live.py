"""What is going on, for whoever draws it: a small thread-safe picture of the running sweep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from gantune.runtime.ledger import Entry
from gantune.stopping.verdict import PRUNED, Reason
from gantune.tracking.troubles import troubles

EARLY = PRUNED | {Reason.EQUILIBRIUM, Reason.PLATEAU}


@dataclass(frozen=True)
class TrialView:
    """One row: a trial, or a finalist's run."""

    id: str
    state: str = "running"
    kimg: float = 0.0
    fid: float | None = None  # running best of the objective
    d_loss: float | None = None
    reason: str | None = None
    evidence: str | None = None
    origin: str = "sampler"
    score: float | None = None  # the best checkpoint on fresh samples
    family: str | None = None  # where a sweep searches over several
    lost: int = 0  # times that it lost its worker


@dataclass(frozen=True)
class Picture:
    """One moment of a sweep."""

    name: str
    phase: str = "start"
    total: int = 0
    kimg_budget: float = 0.0  # of one trial
    slots: int = 0
    trials: dict[str, TrialView] = field(default_factory=dict)
    finals: dict[str, TrialView] = field(default_factory=dict)
    finals_total: int = 0
    seconds: float = 0.0  # wall clock of the running phase
    kimg_before: float = 0.0  # trained before that phase, by earlier drivers
    notes: tuple[str, ...] = ()
    stall: str | None = None  # why nothing moves, while nothing does

    @property
    def troubles(self) -> str | None:
        """What the machines did to the trials, and how many failed by themselves."""
        return troubles([(view.lost, view.reason) for view in self.trials.values()])

    @property
    def ended(self) -> int:
        """Trials with an end."""
        return sum(view.state != "running" for view in self.trials.values())

    @property
    def stopped_early(self) -> int:
        """Trials that a rule or the scheduler ended before their budget."""
        return sum(view.reason in EARLY for view in self.trials.values())

    @property
    def views(self) -> dict[str, TrialView]:
        """What is being run: the search's trials, or the finalists' runs."""
        return self.finals if self.phase == "finalists" else self.trials

    @property
    def kimg(self) -> float:
        """Trained by all of them."""
        return sum(view.kimg for view in self.views.values())

    @property
    def seconds_left(self) -> float | None:
        """An estimate for the search and the finalists: what is left at the pace so far; None before there is one.

        Of the search's trials the mean length so far is taken, the finalists' runs are all of full length.
        """
        trained = self.kimg - self.kimg_before
        if self.phase not in ("search", "finalists") or trained < self.kimg_budget / 2 or trained <= 0 or not self.seconds:
            return None  # too little to tell a pace from a start
        if self.phase == "finalists":
            left = sum(self.kimg_budget - view.kimg for view in self.finals.values() if view.state == "running")
            return (left + self.kimg_budget * (self.finals_total - len(self.finals))) * self.seconds / trained
        over = [view.kimg for view in self.trials.values() if view.state != "running"]
        length = sum(over) / len(over) if over else self.kimg_budget
        running = sum(max(0.0, length - view.kimg) for view in self.trials.values() if view.state == "running")
        return (running + length * (self.total - len(self.trials))) * self.seconds / trained


class LiveState:
    """The current `picture`; `on_change` is called after each change and `on_note` with each note, from the driver's thread."""

    def __init__(self, name: str, on_change: Callable[[], None] | None = None) -> None:
        self.on_change = on_change
        self.on_note: Callable[[str], None] | None = None
        self._lock = threading.Lock()
        self._picture = Picture(name)
        self._phase_began = time.monotonic()

    @property
    def picture(self) -> Picture:
        """A consistent copy that nobody changes any more."""
        with self._lock:
            seconds = time.monotonic() - self._phase_began
            held = self._picture
            return replace(held, trials=dict(held.trials), finals=dict(held.finals), seconds=seconds)

    def phase(self, name: str, ago: float = 0.0) -> None:
        """Another phase begins, or began so many seconds ago."""
        self._phase_began = time.monotonic() - ago
        self.set(phase=name, kimg_before=self.picture.kimg)

    def begin_finals(self, total: int, kimg: float, ago: float = 0.0) -> None:
        """The finalists' runs are about to begin, each of so many kimg; those shown already were run by an earlier driver."""
        self._phase_began = time.monotonic() - ago
        self.set(finals_total=total, kimg_budget=kimg, kimg_before=self.picture.kimg)

    def note(self, text: str) -> None:
        """One line that the user should read."""
        self.set(notes=(*self._picture.notes, text))
        if self.on_note is not None:
            self.on_note(text)

    def set(self, **changes: object) -> None:
        """Change fields of the picture."""
        with self._lock:
            self._picture = replace(self._picture, **changes)  # type: ignore[arg-type]
        self._tell()

    def show(self, entry: Entry, score: float | None = None) -> None:
        """Bring a trial's row up to date."""
        with self._lock:
            before = self._picture.trials.get(entry.id)
            self._picture.trials[entry.id] = TrialView(
                entry.id,
                entry.state,
                entry.kimg,
                entry.best,
                entry.d_loss,
                entry.reason,
                entry.evidence,
                entry.origin,
                score if score is not None or before is None else before.score,
                entry.params.get("family"),
                entry.lost,
            )
        self._tell()

    def show_final(self, view: TrialView) -> None:
        """Bring a finalist's row up to date."""
        with self._lock:
            self._picture.finals[view.id] = view
        self._tell()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Many changes that are told as one, at their end."""
        told, self.on_change = self.on_change, None
        try:
            yield
        finally:
            self.on_change = told
        self._tell()

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change()

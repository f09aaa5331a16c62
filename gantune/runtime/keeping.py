"""Keeps a sweep's checkpoints within storage.checkpoints_gb: measures them as trials end, and lets go of what the decision names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from gantune.runtime.book import Limits
from gantune.runtime.ledger import Entry, Ledger, number
from gantune.runtime.live import LiveState
from gantune.runtime.planning import to_score
from gantune.runtime.replaying import to_continue
from gantune.runtime.storage import Files, Held, State, size, to_let_go

GB = 10**9
RUNNING_AT_ONCE = 8  # of the running trials' folders so many are looked at when one ends, those first that were not for longest


class Writes(Protocol):
    """What is needed of the book."""

    def append(self, kind: str, **fields: object) -> None: ...


class Keeping:
    """Told of what is written down, and asked at each end; without a limit it does nothing.

    What goes is written down first and removed then: what a kill leaves in between is removed by the next driver.
    """

    def __init__(self, folder: Path, gb: float | None, *, book: Writes, ledger: Ledger, live: LiveState, top: int) -> None:
        self._folder, self._book, self._ledger, self._live, self._top = folder, book, ledger, live, max(1, top)
        self._limit = None if gb is None else round(gb * GB)
        self._files: dict[str, Files] = {}  # of each trial
        self._finals: dict[str, Files] = {}
        self._running: list[str] = []  # trials whose folders change, the longest not looked at first
        self._told = False

    def begin(self) -> None:
        """Measure what earlier drivers left, once."""
        for entry in self._ledger.trials.values():
            self._remove(entry.id, entry.let_go)
            self._files[entry.id] = files_of(self._place(entry.id))
        for place in (self._folder / "finalists").glob("*"):
            self._finals[place.name] = files_of(place)
        self._running = [entry.id for entry in self._ledger.unfinished()]
        self.settle()

    def take(self, kind: str, fields: Mapping[str, Any]) -> None:
        """An event has been written down."""
        if self._limit is None:
            return
        if kind == "driver":
            self.begin()
        elif kind in ("trial", "requeue", "takeover"):
            self.begun(fields["trial"])
        elif kind == "end":
            self.ended(fields["trial"])
        elif kind == "final":
            self.final_ended(f"{fields['who']}-s{fields['seed']}")
        elif kind == "phase" and fields["phase"] == "score":
            self.settle()

    def begun(self, trial: str) -> None:
        """The trial is handed to a worker."""
        if trial not in self._running:
            self._running.append(trial)

    def ended(self, trial: str) -> None:
        """The trial has its last checkpoint."""
        if trial in self._running:
            self._running.remove(trial)
        looked, self._running = self._running[:RUNNING_AT_ONCE], self._running[RUNNING_AT_ONCE:]
        self._running += looked
        for one in (trial, *looked):
            self._files[one] = files_of(self._place(one))
        self.settle()

    def final_ended(self, run: str) -> None:
        """A finalist's run has its checkpoints, of which none is let go."""
        self._finals[run] = files_of(self._folder / "finalists" / run)
        self.settle()

    def settle(self) -> None:
        """Let go of what there is too much of."""
        assert self._limit is not None, "nothing is asked where there is no limit"
        finals = sum(map(size, self._finals.values()))
        if finals + sum(map(size, self._files.values())) <= self._limit:
            return
        going, left = to_let_go(self._held(), self._limit - finals)
        for trial, names in going:
            freed = size({name: self._files[trial][name] for name in names})
            self._book.append("let_go", trial=trial, files=names, bytes=freed)
            self._remove(trial, names)
            self._files[trial] = {name: at for name, at in self._files[trial].items() if name not in names}
        if left + finals > self._limit and not self._told:
            self._told = True
            self._live.note(
                f"checkpoints take {(left + finals) / GB:.3g} GB, more than storage.checkpoints_gb ({self._limit / GB:.3g}): "
                "all that is left is in use or among the best"
            )

    def _held(self) -> list[Held]:
        """All trials that have files, the worst first."""
        sign = 1.0 if self._ledger.better is min else -1.0
        trials = list(self._ledger.trials.values())

        def badness(entry: Entry) -> tuple[bool, float, int]:
            """Those that are scored come first, as where trials are ranked: what a trial reads while training is too good."""
            scored = self._score(entry)
            value = entry.best if scored is None else scored
            return scored is None, float("inf") if value is None else sign * value, entry.number

        ranked = sorted(trials, key=badness)
        canonical = {entry.id for entry in trials if entry.origin == "canonical"}
        needed = canonical | {entry.id for entry in [one for one in ranked if one.id not in canonical][: self._top]}
        needed |= {entry.id for entry in to_score(trials, "min" if sign > 0 else "max") if not self._is_scored(entry)}
        alive = {entry.id for entry in to_continue(self._ledger, Limits())}  # which counts what only time or a machine cut short
        holding = [entry for entry in reversed(ranked) if self._files.get(entry.id)]
        return [Held(entry.id, _state(entry.id, alive, needed), self._files[entry.id]) for entry in holding]

    def _score(self, entry: Entry) -> float | None:
        score = self._ledger.scores.get(entry.id)
        return None if score is None else number(score.get("metrics", {}).get(self._ledger.objective))

    def _is_scored(self, entry: Entry) -> bool:
        score = self._ledger.scores.get(entry.id)
        return score is not None and score.get("kimg") == entry.kimg

    def _place(self, trial: str) -> Path:
        return self._folder / "trials" / trial

    def _remove(self, trial: str, names: Iterable[str]) -> None:
        for name in names:
            path = self._place(trial) / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self._live.note(f"{path} cannot be removed: {error.strerror}")


def _state(trial: str, alive: set[str], needed: set[str]) -> State:
    return "open" if trial in alive else "needed" if trial in needed else "ended"


def files_of(place: Path) -> Files:
    """The checkpoints and the generator in a run's folder; {} where there is none yet."""
    found: dict[str, tuple[int, int]] = {}
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.endswith((".pt", ".safetensors")) and not entry.name.startswith("."):
                    about = entry.stat()
                    found[entry.name] = about.st_ino, about.st_size
    except OSError:  # not begun, or a file was replaced while we looked, or a network's disk is away; the next look finds it
        return found
    return found

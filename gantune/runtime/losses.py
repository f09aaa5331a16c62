"""Lost workers, as the director takes them: written down, and their trials put back into the queue, with more room or fewer beside them."""

from __future__ import annotations

from collections.abc import Callable

from gantune.runtime.book import Book
from gantune.runtime.breaker import Breaker
from gantune.runtime.failures import LOWER, Again, Failure, Loss, Over, after
from gantune.runtime.floor import Floor
from gantune.runtime.ledger import Entry
from gantune.runtime.live import LiveState
from gantune.runtime.shares import words
from gantune.runtime.stopping import NoUse


class Losses:
    """`size_of` measures how much memory a trial's values want, to compare trials by; `end` ends a trial."""

    def __init__(
        self,
        book: Book,
        floor: Floor,
        live: LiveState,
        breaker: Breaker,
        *,
        size_of: Callable[[Entry], float],
        end: Callable[[Entry, str, str], None],
    ) -> None:
        self._book, self._floor, self._live, self._breaker = book, floor, live, breaker
        self._size_of, self._end = size_of, end
        self._told: set[str] = set()  # trials in the queue of which it is written down that they go on

    def take(self, entry: Entry, failure: Failure) -> None:
        """The trial's worker is lost. It goes on from its checkpoint, with a larger share of a GPU if need be, or is given up."""
        if entry.ended or entry.id not in self._floor.running:
            return
        alone = len(self._floor.running) == 1
        following = after(failure, entry.losses[failure.kind], self._floor.share_of(entry.id), alone=alone)
        if isinstance(following, Over):
            self._end(entry, following.reason, following.evidence)
            return
        if failure.kind is Loss.MEMORY and not alone:
            run_fewer(self._book, self._floor, self._live, failure)
        if following.share is not None:
            self._grow(entry, following.share, failure)
        self._requeue(entry, failure, following)
        if failure.kind is Loss.WORKER or (failure.kind is Loss.MEMORY and alone):  # a lost node says nothing of the sweep
            self.trip(self._breaker.lost(entry.id, failure.why))

    def take_all(self, failure: Failure) -> None:
        """Ray killed some worker, as its machine ran out of memory, and Tune has let go of all."""
        running = [self._floor.ledger.trials[trial] for trial in sorted(self._floor.running, reverse=True)]
        if len(running) == 1:
            self.take(running[0], failure)
        elif running:
            run_fewer(self._book, self._floor, self._live, failure)
            for entry in running:
                self._requeue(entry, failure, Again(counts=False))

    def is_told(self, trial: str) -> bool:
        """Whether it is written down already that the trial, which leaves the queue now, goes on."""
        told = trial in self._told
        self._told.discard(trial)
        return told

    def begin(self, entry: Entry) -> None:
        """A new trial takes more of a GPU than the others where a trial of no larger size found no memory on less."""
        floor = self._floor
        if floor.share and floor.ledger.too_large:
            share = floor.ledger.share_by_size(self._size_of(entry), floor.share)
            if share > floor.share:
                self._book.append("share", trial=entry.id, gpu=share, why="a trial of no larger size found no memory on less")

    def trip(self, why: str | None) -> None:
        """Stop the sweep where the circuit breaker says so; its trials have another chance when the sweep is resumed."""
        if why is not None:
            self._book.append("breaker", trials=list(self._breaker.trials), why=why)
            raise NoUse(why)

    def _requeue(self, entry: Entry, failure: Failure, again: Again) -> None:
        self._book.append("requeue", trial=entry.id, why=failure.why, loss=str(failure.kind), counts=again.counts)
        self._told.add(entry.id)
        self._floor.put_first(entry)
        self._live.show(entry)

    def _grow(self, entry: Entry, share: float, failure: Failure) -> None:
        """The trial found no memory on its share of a GPU: it takes a larger one, and so do later trials of its size or above. Where it
        was a small one among large neighbours, that is nearly all of them, so that the mistake is on the safe side."""
        self._book.append("share", trial=entry.id, gpu=share, size=self._size_of(entry), why=failure.why)
        self._live.note(
            f"trial {entry.id} found no memory on its share of a GPU: it goes on with {words(share)}, as do new ones of its size"
        )


def run_fewer(book: Book, floor: Floor, live: LiveState, failure: Failure) -> None:
    """One less at a time than there were, since their machine had no memory for that many."""
    slots = min(floor.places, len(floor.running)) - 1
    book.append("slots", slots=slots, of=floor.slots, why=failure.why)
    live.set(slots=slots)
    live.note(
        f"a machine ran out of memory and workers were killed: what they did goes on from its checkpoints, {slots} at a time from now on, "
        f"until there is room for more than {floor.slots}. So that more fit, {LOWER}, or start with a larger --set resources.cpu=…"
    )

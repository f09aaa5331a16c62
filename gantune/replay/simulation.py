"""Recorded trials on W simulated workers: each report arrives when its device seconds are spent."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from gantune.errors import UserError
from gantune.replay.decisions import Judge, Verdicts
from gantune.replay.policy import Policy
from gantune.replay.recording import Recording
from gantune.runtime.pruning import open_pruner

CENSORED = "censored"  # the recording ends where nobody would have stopped the trial


@dataclass(frozen=True)
class Ended:
    """How a trial ends under a policy. `reason` is a stop rule's, the scheduler's, `budget`, or `censored`."""

    recording: Recording
    reports: int
    reason: str
    evidence: str
    at: float  # simulated seconds since the start

    @property
    def kimg(self) -> float:
        """How far it trained."""
        return self.recording.points[self.reports - 1]["kimg"]

    @property
    def seconds(self) -> float:
        """Device seconds that it took."""
        return self.recording.clock[self.reports - 1]

    @property
    def best(self) -> float | None:
        """The best objective that it showed."""
        return self.recording.best(self.reports)


def simulate(
    order: Sequence[Recording], policy: Policy, *, workers: int, report_every: float, verdicts: Verdicts | None = None
) -> list[Ended]:
    """The trials in the order in which they end. A worker takes the next trial of `order` as soon as its last one has ended.

    Reports of one moment are taken in the order of `order`, so that a replay is exact. Nothing is assumed about what lies behind the
    end of a curve: a trial that gets there without its budget is `censored`, and counts no further with the scheduler. `verdicts` are
    those of the policy's rules, where an earlier replay of the same trials has them. `UserError` where the scheduler compares a signal
    that was not recorded.
    """
    first = order[0]
    pruner = open_pruner(policy.scheduler, mode=first.mode, kimg=first.budget_kimg, report_every=report_every)
    if pruner.signal is not None and not any(pruner.signal in point for recording in order for point in recording.points):
        raise UserError(
            f"the recorded trials have no {pruner.signal}, by which the scheduler would compare them. "
            f"Compare the objective: --set scheduler.{policy.scheduler.kind}.compare=objective"
        )
    waiting = iter(enumerate(order))
    due: list[tuple[float, int, int, float]] = []  # when, which trial, its report, when it began
    ended: list[Ended] = []
    verdicts = verdicts or Verdicts(policy.stopping)
    judges = [Judge(recording, verdicts, pruner) for recording in order]

    def begin(now: float) -> None:
        place, recording = next(waiting, (-1, None))
        if recording is not None:
            heapq.heappush(due, (now + recording.clock[0], place, 1, now))

    for _ in range(workers):
        begin(0.0)
    while due:
        now, place, count, began = heapq.heappop(due)
        recording = order[place]
        decision = judges[place].report(count)
        if decision is None and count < len(recording.points):
            heapq.heappush(due, (began + recording.clock[count], place, count + 1, began))
            continue
        reason, evidence = decision or (CENSORED, f"its recording ends at {recording.points[-1]['kimg']:g} kimg")
        if decision is not None:
            pruner.end(recording.id, reason, recording.points[count - 1]["kimg"], recording.rated_by(pruner.signal, count))
        ended.append(Ended(recording, count, reason, evidence, now))
        begin(now)
    return ended

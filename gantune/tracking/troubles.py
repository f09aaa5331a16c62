"""What went wrong in a sweep, in a line: lost workers, which are the machines' matter, apart from trials that failed by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from gantune.stopping.verdict import Reason


def troubles(trials: Sequence[tuple[int, str | None]]) -> str | None:
    """`2 trials lost their worker 3 times and went on; 1 failed`, from each trial's losses and the reason of its end; None without any."""
    went_on = [lost for lost, reason in trials if lost and reason != Reason.INFRA]
    given_up = sum(reason == Reason.INFRA for _, reason in trials)
    failed = sum(reason == Reason.ERROR for _, reason in trials)
    parts = []
    if went_on:
        whose = "1 trial lost its worker" if len(went_on) == 1 else f"{len(went_on)} trials lost their worker"
        times = "once" if sum(went_on) == 1 else f"{sum(went_on)} times"
        parts.append(f"{whose} {times} and went on")
    if given_up:
        whose = "its worker was" if given_up == 1 else "their workers were"
        parts.append(f"{given_up} given up, as {whose} lost again and again")
    if failed:
        parts.append(f"{failed} failed")
    return "; ".join(parts) or None

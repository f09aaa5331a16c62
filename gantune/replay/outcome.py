"""What a policy cost, found and missed, against training every recorded trial to its end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gantune.replay.recording import Recording
from gantune.replay.simulation import CENSORED, Ended

GOOD_SHARE = 0.1


@dataclass(frozen=True)
class Missed:
    """A trial among the best tenth that was ended before its best checkpoint."""

    id: str
    full: float
    best_kimg: float
    ended_kimg: float
    reason: str


@dataclass(frozen=True)
class Outcome:
    """Of one replay. `share` is device seconds used over those of all recorded curves to their ends; `regret` how much worse the best
    value found is than the best recorded one, 0 or more; both sides include what censored curves showed."""

    seconds: float
    share: float
    wall: float  # simulated seconds until the last trial ended
    best: float | None
    regret: float
    reasons: dict[str, int]
    good: int  # how many complete trials make up the best tenth
    missed: tuple[Missed, ...]
    censored: int


def outcome(ended: Sequence[Ended]) -> Outcome:
    """The figures of a replay that has ended; at least one trial."""
    recorded = [one.recording for one in ended]
    sign = 1.0 if recorded[0].mode == "min" else -1.0
    best = _best([one.best for one in ended], sign)
    known = _best([recording.best(len(recording.points)) for recording in recorded], sign)
    seconds = sum(one.seconds for one in ended)
    good = {recording.id: value for recording, value in good_trials(recorded)}
    missed = tuple(
        Missed(one.recording.id, good[one.recording.id], at, one.kimg, one.reason)
        for one in ended
        if one.recording.id in good and (at := one.recording.best_kimg) is not None and one.kimg < at
    )
    return Outcome(
        seconds=seconds,
        share=seconds / max(sum(recording.clock[-1] for recording in recorded), 1e-12),
        wall=max(one.at for one in ended),
        best=best,
        regret=math.nan if best is None or known is None else max(0.0, sign * (best - known)),
        reasons=dict(Counter(one.reason for one in ended).most_common()),
        good=len(good),
        missed=missed,
        censored=sum(one.reason == CENSORED for one in ended),
    )


def good_trials(recorded: Sequence[Recording], share: float = GOOD_SHARE) -> list[tuple[Recording, float]]:
    """The best tenth, or another share (one at least), of the trials that were recorded to their full budget, with their best objective."""
    sign = 1.0 if recorded[0].mode == "min" else -1.0
    whole = [(one, value) for one in recorded if not one.is_censored and (value := one.best(len(one.points))) is not None]
    whole.sort(key=lambda pair: sign * pair[1])
    return whole[: max(1, math.ceil(share * len(whole)))]


def _best(values: Sequence[float | None], sign: float) -> float | None:
    return min((value for value in values if value is not None), key=lambda value: sign * value, default=None)

"""What a sweep has to show for itself: counts to compare before and after an accident, and the proof that nothing is lost or doubled."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

from mlflow_stores import assert_whole, points_of, runs_of
from processes import events

from gantune.tracking.record import SweepRecord

NAME = "synthetic"
TRIALS = 12  # of driver.spec


@dataclass(frozen=True)
class Counts:
    """Trials begun, trials with an end, and reports, as the spool has them."""

    trials: int
    ended: int
    reports: int

    @classmethod
    def of(cls, folder: Path) -> Counts:
        """Count what is there now."""
        told = Counter(event["kind"] for event in events(folder))
        return cls(told["trial"], told["end"], told["report"])


def assert_accounted(folder: Path, uri: str, before: Counts, trials: int = TRIALS, home: Path | None = None) -> None:
    """The sweep is complete: every trial began once and ended well, no report is lost or doubled, and the store at `uri` has them all.

    `before` was counted at the accident, which must have been in the middle. `home` is where the spool's paths lie, seen from here.
    """
    after = Counts.of(folder)
    assert before.reports < after.reports, f"it hit too late to show anything: {before}, then {after}"
    assert all(then >= now for now, then in zip(astuple(before), astuple(after), strict=True)), f"{before}, then only {after}"
    told, record = events(folder), SweepRecord.load(folder)
    assert record.status == "complete"
    assert [event["trial"] for event in told if event["kind"] == "trial"] == [f"{number:04d}" for number in range(trials)]
    assert {trial.state for trial in record.trials} <= {"complete", "pruned"}, [(trial.id, trial.evidence) for trial in record.trials]
    reported = Counter((event["trial"], event["point"]["kimg"]) for event in told if event["kind"] == "report")
    assert set(reported.values()) == {1}
    for trial in record.trials:
        assert trial.points == json.loads((folder / "trials" / trial.id / "last.pt").read_text())["points"], trial.id
    assert_whole(folder, uri, NAME)


def stored(uri: str) -> int:
    """How many points of trials' curves the store has; 0 before it knows the sweep."""
    try:
        found = runs_of(uri, NAME)
    except AttributeError:  # no experiment yet
        return 0
    return sum(points_of(uri, run).total() for id, runs in found.items() if id.isdecimal() for run in runs)


def wait_until(happened: Callable[[], object], seconds: float = 60) -> None:
    """Look again and again; an error when it does not happen in time."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)

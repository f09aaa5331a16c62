"""The picture of a running sweep."""

from __future__ import annotations

import pytest

from gantune.runtime.ledger import Entry
from gantune.runtime.live import LiveState, Picture, TrialView


def test_a_row_shows_the_latest_point_and_the_running_best() -> None:
    changes = []
    live = LiveState("x", lambda: changes.append(1))
    entry = Entry("0001", 1, {}, {}, "sampler", points={4.0: {"kimg": 4.0, "d_loss": 0.6}, 8.0: {"kimg": 8.0, "d_loss": "nan"}}, best=33.0)
    live.show(entry)
    assert live.picture.trials["0001"] == TrialView("0001", "running", 8.0, 33.0, None)
    live.show(entry, score=35.0)
    live.show(entry)
    assert live.picture.trials["0001"].score == 35.0
    assert len(changes) == 3


def test_a_picture_does_not_change_after_it_was_taken() -> None:
    live = LiveState("x")
    before = live.picture
    live.show(Entry("0001", 1, {}, {}, "sampler"))
    assert before.trials == {}


def test_time_left_counts_early_stops() -> None:
    trials = {
        "0": TrialView("0", "pruned", 10.0, reason="asha"),
        "1": TrialView("1", "complete", 30.0, reason="budget"),
        "2": TrialView("2", kimg=10.0),
    }
    picture = Picture("x", phase="search", total=4, kimg_budget=30.0, trials=trials, seconds=50.0)
    # 50 kimg in 50 s; trials last 20 on average: 10 more for the running one, 20 for the one to come
    assert picture.seconds_left == pytest.approx(30.0)
    assert (picture.ended, picture.stopped_early) == (2, 1)
    assert Picture("x", phase="search", total=4).seconds_left is None

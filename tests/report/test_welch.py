"""Means and Welch's interval against scipy."""

from __future__ import annotations

import pytest
from scipy import stats

from gantune.report.welch import difference, summarise


@pytest.mark.parametrize(
    ("a", "b"),
    [([1.0, 2.0, 4.0], [5.0, 5.5, 9.0]), ([10.0, 10.2], [9.0, 14.0, 11.0, 12.0]), ([3.0, 3.0, 3.0], [1.0, 2.0, 3.0])],
)
def test_interval_equals_scipys(a: list[float], b: list[float]) -> None:
    ours = difference(a, b)
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_interval_that_holds_zero_is_no_evidence() -> None:
    near, far = difference([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]), difference([1.0, 1.1, 0.9], [5.0, 5.1, 4.9])
    assert near is not None
    assert not near.is_evident
    assert far is not None
    assert far.is_evident


def test_single_runs_give_no_interval() -> None:
    assert difference([1.0], [2.0, 3.0]) is None
    assert difference([1.0, 1.0], [2.0, 2.0]) is None
    assert summarise([4.0]).std is None


def test_std_is_the_samples() -> None:
    assert summarise([1.0, 2.0, 3.0]).std == pytest.approx(1.0)

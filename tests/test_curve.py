from __future__ import annotations

import math

import numpy as np
import pytest

from gantune.curve import Curve
from gantune.families.base import Equilibrium


def curve(kimg: list[float], fid: list[float | None], **more: object) -> Curve:
    points = [{"kimg": at} | ({} if value is None else {"fid": value}) for at, value in zip(kimg, fid, strict=True)]
    return Curve.of(points, equilibrium=Equilibrium(0.5, 0.25), **more)


def test_missing_signals_read_as_nan() -> None:
    read = curve([4, 8, 12], [30, None, 20])
    assert np.array_equal(read.get("fid"), [30, math.nan, 20], equal_nan=True)
    assert np.isnan(read.get("kid")).all()
    assert read.span == 12
    empty = curve([], [])
    assert (empty.span, empty.best(), empty.best_kimg()) == (0.0, None, None)


def test_the_best_is_the_first_finite_one_in_the_objectives_direction() -> None:
    assert (curve([4, 8, 12, 16], [30, 20, math.nan, 20]).best(), curve([4, 8, 12, 16], [30, 20, math.inf, 20]).best_kimg()) == (20, 8)
    largest = curve([4, 8, 12], [0.1, math.inf, 0.3], mode="max")
    assert (largest.best(), largest.best_kimg()) == (0.3, 12)
    assert curve([4], [math.nan]).best() is None


def test_reports_out_of_order_or_twice_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="in order"):
        curve([4, 4], [1, 1])
    with pytest.raises(ValueError, match="in order"):
        curve([8, 4], [1, 1])


def test_the_gap_is_a_share_of_the_scale_and_prefers_the_held_out_reading() -> None:
    points = [{"kimg": 4.0, "d_loss": 0.25, "d_loss_heldout": 0.75}, {"kimg": 8.0, "d_loss": 0.5}]
    assert np.array_equal(Curve.of(points, equilibrium=Equilibrium(0.5, 0.25)).gap, [1.0, math.nan], equal_nan=True)
    trained = [{"kimg": 4.0, "d_loss": 0.25}]
    assert Curve.of(trained, equilibrium=Equilibrium(0.5, 0.25)).gap.tolist() == [-1.0]


def test_stretches_are_the_kimg_since_the_report_before() -> None:
    assert curve([4, 8, 20], [1, 1, 1]).stretches(6, 18).tolist() == [0, 2, 10]


def test_the_median_is_weighed_by_kimg() -> None:
    read = curve([1, 2, 3, 20], [9, 9, 9, 1])
    assert read.median(read.get("fid"), 0, 20) == 1
    assert read.median(read.get("fid"), 0, 4) == 9
    assert math.isnan(read.median(read.get("kid"), 0, 20))


@pytest.mark.parametrize(
    ("fid", "plateaued"),
    [
        ([100, 50, 50, 50, 50], True),
        ([100, 50, 50, 50, 48], False),
        ([100, 50, 50, 50, 49.5], True),
        ([50, 100, 90, 60, 58], False),  # on its way back
        ([50, 100, 90, 95, 88], True),
        ([None, None, 50, 50, 50], False),  # nothing to compare with
        ([100, 50, None, None, 50], False),  # too little measured to tell
    ],
)
def test_quality_has_plateaued(fid: list[float | None], plateaued: bool) -> None:
    assert curve([4, 8, 12, 16, 20], fid).quality_has_plateaued(12) is plateaued


def test_a_plateau_needs_the_patience_and_something_before_it() -> None:
    assert not curve([4, 8, 12], [50, 50, 50]).quality_has_plateaued(12)
    assert curve([4, 8, 12, 16], [50, 50, 50, 50]).quality_has_plateaued(12)


def test_default_patience_is_a_share_of_the_budget() -> None:
    assert curve([4], [1], budget_kimg=1000).patience(0, 0.2) == 200
    assert curve([4], [1]).patience(0, 0.2) == 12
    assert curve([4], [1], budget_kimg=1000).patience(8, 0.2) == 8


def test_a_patience_shorter_than_two_reports_is_stretched_to_them() -> None:
    """Or a budget of 12 kimg in reports of 4 would call the second report a plateau."""
    short = curve([4, 8], [53.7, 30.9], budget_kimg=12)
    assert short.patience(0.0, 0.2) == 8
    assert short.patience(1.0, 0.2) == 8
    assert short.patience(9.0, 0.2) == 9
    assert not short.quality_has_plateaued(short.patience(0.0, 0.2))

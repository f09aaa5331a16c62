"""A column of objective values."""

from __future__ import annotations

import pytest

from gantune.cli import objective


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [("fid", 12.345, "12.35"), ("ndcg_at_5", 0.80672, "0.8067"), ("kid", 0.0123, "0.0123"), ("modes", 8.0, "8.00"), ("fid", None, "")],
)
def test_values_have_the_decimals_that_tell_them_apart(metric: str, value: float | None, said: str) -> None:
    assert objective.text(value, metric) == said


@pytest.mark.parametrize(("metric", "order"), [("fid", [0.1, 0.9, None]), ("ndcg_at_5", [0.9, 0.1, None])])
def test_the_best_comes_first_and_what_has_none_last(metric: str, order: list[float | None]) -> None:
    assert sorted([None, 0.9, 0.1], key=lambda value: objective.best_first(value, metric)) == order

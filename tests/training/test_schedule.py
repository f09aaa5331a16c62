"""Schedules as tables: kimg → value."""

from __future__ import annotations

import pytest

from gantune.training.schedule import lr_factor, noise_at, value_at
from gantune.training.settings import Training


@pytest.mark.parametrize(("kimg", "value"), [(0, 100), (1.59, 100), (1.6, 5), (300, 5)])
def test_steps_hold_from_their_start_on(kimg: float, value: int) -> None:
    assert value_at(((0.0, 100), (1.6, 5)), kimg) == value
    assert value_at(3, kimg) == 3


@pytest.mark.parametrize(
    ("decay", "expected"),
    [("none", [1, 1, 1, 1]), ("linear", [1, 1, 0.5, 0]), ("cosine", [1, 1, 0.5, 0]), ("halving", [1, 1, 1, 0.5])],
)
def test_rates_fall_from_their_start_on(decay: str, expected: list[float]) -> None:
    training = Training(lr_decay=decay, lr_decay_start=10, lr_decay_kimg=20)
    assert [lr_factor(training, kimg) for kimg in (0, 10, 20, 30)] == pytest.approx(expected)


def test_noise_falls_linearly_to_nothing_or_stays() -> None:
    assert [noise_at(Training(noise=0.2, noise_kimg=10), kimg) for kimg in (0, 5, 10, 99)] == pytest.approx([0.2, 0.1, 0, 0])
    assert noise_at(Training(noise=0.2), 99) == 0.2

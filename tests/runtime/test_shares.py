"""Shares of a GPU: the ladder, what fits side by side, what a probe's numbers come to."""

from __future__ import annotations

import pytest

from gantune.runtime.shares import fit, larger, share_for, words


def test_the_next_larger_share_is_the_ladders_and_a_whole_gpu_is_its_end() -> None:
    assert [larger(share) for share in (0.1, 1 / 8, 1 / 5, 0.25, 1 / 3, 0.5, 1.0, 2.0)] == [
        1 / 8,
        1 / 4,
        1 / 4,
        1 / 2,
        1 / 2,
        1.0,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("shares", "gpus", "fits"),
    [
        ([0.25] * 4, 1, True),
        ([0.25] * 5, 1, False),
        ([1 / 3] * 3, 1, True),  # though their sum is not quite 1
        ([0.6, 0.6], 1.2, False),  # a share lies on one GPU
        ([0.6, 0.4, 0.6, 0.4], 2, True),
        ([0.25, 1.0, 0.5], 2, True),
        ([0.25, 1.0, 1.0], 2, False),
        ([2.0, 0.5], 3, True),
        ([2.0, 0.5], 2, False),
        ([0.0] * 9, 0, True),
        ([0.25], 0, False),
        ([], 0, True),
    ],
)
def test_trials_fit_where_their_shares_do(shares: list[float], gpus: float, fits: bool) -> None:
    assert fit(shares, gpus) is fits


@pytest.mark.parametrize(
    ("used", "most", "share"),
    [
        (17.0, 99, 1 / 4),  # 68 of 72 GiB that may be filled
        (18.1, 99, 1 / 3),
        (1.0, 99, 1 / 8),  # never more than eight
        (1.0, 5, 1 / 5),  # nor than there are cores for
        (71.0, 99, 1.0),
        (79.0, 99, 1.0),  # it is tried alone, all the same
        (0.0, 4, 1 / 4),
    ],
)
def test_the_probes_share_lets_as_many_trials_in_as_fit_in_nine_tenths_of_the_card(used: float, most: int, share: float) -> None:
    assert share_for(used, 80.0, most) == pytest.approx(share, rel=1e-3)


def test_n_shares_of_an_nth_are_no_more_than_a_gpu_as_ray_counts() -> None:
    for n in range(1, 9):
        share = share_for(1.0, 80.0, n)
        assert n * round(share * 10_000) <= 10_000
        assert fit([share] * n, 1)
        assert not fit([share] * (n + 1), 1)
        assert words(share) == ("a whole GPU" if n == 1 else f"1/{n} of a GPU")


def test_a_share_has_words() -> None:
    assert [words(share) for share in (1 / 8, 1 / 3, 0.3, 1.0, 2.0)] == [
        "1/8 of a GPU",
        "1/3 of a GPU",
        "0.3 of a GPU",
        "a whole GPU",
        "2 GPUs",
    ]

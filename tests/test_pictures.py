"""Sheets of translations: who stands beside whom."""

from __future__ import annotations

import torch

from gantune.families.base import Samples
from gantune.pictures import sheet


def shades(*values: float, channels: int = 1) -> torch.Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, channels, 4, 4)


def seen(samples: Samples) -> list[list[list[int]]]:
    """One pixel of every picture, by rows and columns."""
    return sheet(samples, columns=4)[::6, ::6].tolist()


def test_a_pair_reads_source_result_target() -> None:
    made = Samples(shades(0.0, 1.0), source=shades(-1.0, -1.0), target=shades(1.0, 0.0))
    assert [[pixel[0] for pixel in row] for row in seen(made)] == [[0, 128, 255, 0, 255, 128]]


def test_fewer_than_a_row_make_a_shorter_one() -> None:
    made = Samples(shades(1.0), source=shades(-1.0), target=shades(0.0))
    assert [[pixel[0] for pixel in row] for row in seen(made)] == [[0, 255, 128]]


def test_two_domains_read_there_and_back_whatever_their_channels() -> None:
    made = Samples(
        shades(1.0, 1.0, 1.0, channels=3),
        source=shades(0.0, 0.0, 0.0),
        back_source=shades(-1.0, 0.0, 1.0, channels=3),
        back=shades(-1.0, 0.0, 1.0),
    )
    rows = seen(made)
    assert len(rows) == 1, "what does not fill a row is left out"
    assert [pixel[0] for pixel in rows[0]] == [128, 255, 0, 0, 128, 255, 128, 128]

"""Batches are a pure function of their number."""

from __future__ import annotations

import torch

from gantune.data import Batches, Dataset, to_bytes, to_unit


def rows(batches: Batches, index: int) -> list[int]:
    return batches(index).y.tolist()


def stream(n: int, batch: int, seed: int = 0) -> Batches:
    return Batches(numbered(n), batch, seed, torch.device("cpu"))


def numbered(n: int, **more: object) -> Dataset:
    """Pictures of one pixel that holds their row's number, which is their label, too."""
    images = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1)
    return Dataset("numbered", (1, 1, 1), images, images[:1], "numbered", torch.arange(n), **more)


def test_an_epoch_shows_each_example_at_most_once_and_drops_the_incomplete_batch():
    batches = stream(100, 30)
    seen = [row for index in range(3) for row in rows(batches, index)]
    assert len(seen) == len(set(seen)) == 90
    later = [row for index in range(3, 6) for row in rows(batches, index)]
    assert len(set(later)) == 90
    assert later != seen


def test_a_batch_does_not_depend_on_which_came_before():
    forward = stream(100, 30)
    expected = [rows(forward, index) for index in range(12)]
    backward = stream(100, 30)
    assert [rows(backward, index) for index in reversed(range(12))] == expected[::-1]
    assert rows(stream(100, 30, seed=1), 0) != expected[0]


def test_data_smaller_than_a_batch_wraps_around():
    batches = stream(7, 16)
    for index in range(3):
        counts = torch.bincount(batches(index).y, minlength=7)
        assert counts.sum() == 16
        assert counts.min() >= 2
    assert rows(batches, 0) != rows(batches, 1)


def test_examples_and_labels_stay_together_in_unit_range():
    batch = stream(100, 30)(2)
    torch.testing.assert_close(batch.x.flatten(), batch.y / 127.5 - 1)


def test_rows_travel_as_bytes_and_become_floats_where_they_arrive(monkeypatch):
    seen = []
    monkeypatch.setattr("gantune.data.batches.to_unit", lambda x: seen.append((x.dtype, x.device.type)) or x)
    monkeypatch.setattr("gantune.data.batches._fits", lambda dataset, device: False)
    batch = Batches(numbered(8), 4, 0, torch.device("meta"))(0)
    assert seen == [(torch.uint8, "meta")]
    assert (batch.x.device.type, batch.y.device.type) == ("meta", "meta")


def test_partners_stay_together_and_strangers_do_not():
    images = torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1)
    paired = Batches(numbered(100, source=images, paired=True), 30, 0, torch.device("cpu"))
    apart = Batches(numbered(100, source=images[:50]), 30, 0, torch.device("cpu"))
    for index in range(6):
        assert torch.equal(paired(index).source, paired(index).x)
        assert not torch.equal(apart(index).source, apart(index).x)
        assert torch.equal(apart(index).x, paired(index).x)
    assert len({row for index in range(1) for row in apart(index).source.flatten().tolist()}) == 30


def test_bytes_and_unit_range_are_inverse():
    every = torch.arange(256, dtype=torch.uint8)
    unit = to_unit(every)
    assert (unit.min(), unit.max()) == (-1, 1)
    assert torch.equal(to_bytes(unit), every)
    points = torch.randn(5, 2)
    assert to_unit(points) is points

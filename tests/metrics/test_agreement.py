"""Shares of samples that are what they were made to be, counted by hand."""

from __future__ import annotations

import pytest
import torch

from gantune.metrics.agreement import attribute_agreement, code_agreement, label_agreement
from gantune.metrics.probe import fit_probe


def test_labels_are_counted() -> None:
    logits = torch.eye(3)[[0, 1, 2, 2]]
    assert label_agreement(logits, torch.tensor([0, 1, 2, 0])) == 0.75


def test_codes_are_read_as_the_classes_they_share_most_with() -> None:
    classes = torch.arange(1000) % 5
    permuted = torch.tensor([3, 0, 4, 1, 2])[classes]
    logits = torch.eye(5)[classes]
    assert code_agreement(logits, permuted) == 1
    noise = torch.where(torch.arange(1000) < 300, torch.randint(5, (1000,), generator=torch.Generator().manual_seed(0)), permuted)
    assert code_agreement(logits, noise) == pytest.approx(0.7 + 0.3 / 5, abs=0.02)


def test_no_two_codes_are_read_as_one_class() -> None:
    logits = torch.eye(3)[torch.zeros(60, dtype=torch.int64)]  # all of class 0
    assert code_agreement(logits, torch.arange(60) % 3) == pytest.approx(1 / 3)
    fewer, more = torch.arange(60) % 2, torch.arange(60) % 6
    assert code_agreement(torch.eye(3)[fewer], fewer) == 1
    assert code_agreement(torch.eye(3)[more % 3], more) == 0.5, "six codes of three classes: three must go without"


def test_chance_is_a_half_for_rare_attributes() -> None:
    asked = torch.zeros(1000, 2)
    asked[:10] = 1
    never, always = -torch.ones(1000, 2), torch.ones(1000, 2)
    assert attribute_agreement(never, asked) == attribute_agreement(always, asked) == 0.5
    assert attribute_agreement(asked * 2 - 1, asked) == 1
    heeded = (asked * 2 - 1) * torch.tensor([1, -1])
    assert attribute_agreement(heeded, asked) == 0.5
    asked[:, 1] = 0
    assert attribute_agreement(always, asked) == 0.5, "one that nobody was asked for says nothing"


def test_the_probe_finds_what_is_linear_and_nothing_else() -> None:
    source = torch.Generator().manual_seed(0)
    y = torch.randint(3, (2000,), generator=source)
    features = torch.randn(2000, 12, generator=source) * 5 + 100
    features[:, :3] += 30 * torch.eye(3)[y]
    features[:, 11] = 7  # never varies
    probe = fit_probe(features[:1000], y[:1000], 3)
    assert label_agreement(probe(features[1000:]), y[1000:]) > 0.98
    blind = fit_probe(features[:1000, 3:], y[:1000], 3)
    assert label_agreement(blind(features[1000:, 3:]), y[1000:]) < 0.4


def test_the_probe_hears_a_rare_attribute() -> None:
    source = torch.Generator().manual_seed(0)
    y = torch.stack([torch.arange(4000) % 50 == 0, torch.zeros(4000)], 1).to(torch.uint8)  # one in fifty, and one that none has
    features = torch.randn(4000, 4, generator=source)
    features[:, 0] += 3 * y[:, 0]
    probe = fit_probe(features[:2000], y[:2000], 2)
    assert attribute_agreement(probe(features[2000:]), y[2000:]) > 0.9  # d' = 3 allows 0.933

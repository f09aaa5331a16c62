"""The inception score at its two ends."""

from __future__ import annotations

import pytest
import torch

from gantune.metrics.inception_score import inception_score


def test_one_confident_class_each_scores_the_number_of_classes():
    assert inception_score(1000 * torch.eye(10)) == pytest.approx(10)


def test_one_class_for_all_scores_one():
    assert inception_score(torch.randn(1, 10).expand(50, -1)) == pytest.approx(1)

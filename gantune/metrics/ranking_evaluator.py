"""Measures rankings of held-out queries; to a trial on queries what `Evaluator` is to one on pictures and points."""

from __future__ import annotations

import dataclasses
import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gantune.data.dataset import Dataset
from gantune.errors import UserError
from gantune.families.base import Samples
from gantune.metrics.c2st import C2ST
from gantune.metrics.extractors import choose
from gantune.metrics.ranking import expected_at_random, ndcg_at, precision_at
from gantune.metrics.settings import MetricSettings

VERSION = "1"  # raised whenever a metric changes its meaning
K = 5


class RankingEvaluator:
    """`evaluator(samples)` is precision_at_5 and ndcg_at_5 of scores `samples.x` against the relevance `samples.y`, means over queries.

    `UserError` for settings that only pictures and points have: an extractor, its weights, a number of real examples.
    """

    def __init__(self, dataset: Dataset, settings: MetricSettings) -> None:
        name = choose(settings.extractor, dataset.name, dataset.shape)
        if settings.n_real or settings.weights is not None:
            raise UserError(f"metrics: rankings of {dataset.name} are compared with its relevance alone; leave out n_real and weights.")
        self.dataset = dataset
        self.settings = dataclasses.replace(settings, extractor=name)

    def __call__(self, samples: Samples, *, seed: int = 0) -> dict[str, float]:
        """Metrics of scores (n_fake, M); all NaN where one is not finite. Nothing is drawn, so that `seed` has no effect."""
        scores, relevance = samples.x, samples.y
        if relevance is None or scores.shape != relevance.shape or scores.shape != (self.settings.n_fake, self.dataset.shape[0]):
            wanted = (self.settings.n_fake, self.dataset.shape[0])
            raise ValueError(f"this evaluator measures scores and relevance of shape {wanted}, got {tuple(scores.shape)}")
        if not bool(torch.isfinite(scores).all()):
            return {"precision_at_5": math.nan, "ndcg_at_5": math.nan}
        return _measured(scores, relevance)

    @cached_property
    def floor(self) -> dict[str, float]:
        """What the best order reads on all held-out queries, and what one drawn at random does in expectation."""
        relevance = self.dataset.heldout_labels
        assert relevance is not None, "held-out queries come with the relevance of their documents"
        precision, ndcg = expected_at_random(K, relevance)
        return {**_measured(relevance, relevance), "precision_at_5_random": precision, "ndcg_at_5_random": ndcg}

    def c2st_controls(self, untrained: Samples, *, seed: int = 0) -> dict[str, C2ST]:
        """None: a ranking has no counterpart among the data from which a classifier could be asked to tell it."""
        return {}

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything a value depends on besides the scores. Values with different provenance are not comparable."""
        return {
            "gain": "2^relevance - 1",
            "split": "heldout",
            "n_queries": self.settings.n_fake,
            "n_floor": len(self.dataset.heldout),
            "data": self.dataset.name,
            "shape": list(self.dataset.shape),
            "fingerprint": self.dataset.fingerprint,
            "version": VERSION,
        }


def _measured(scores: Tensor, relevance: Tensor) -> dict[str, float]:
    return {
        "precision_at_5": float(precision_at(K, scores, relevance).mean()),
        "ndcg_at_5": float(ndcg_at(K, scores, relevance).mean()),
    }

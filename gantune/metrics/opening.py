"""The evaluator that fits the data."""

from __future__ import annotations

import torch

from gantune.data.dataset import Dataset
from gantune.metrics.evaluator import Evaluator
from gantune.metrics.ranking_evaluator import RankingEvaluator
from gantune.metrics.settings import MetricSettings

AnyEvaluator = Evaluator | RankingEvaluator


def open_evaluator(dataset: Dataset, settings: MetricSettings, device: torch.device) -> AnyEvaluator:
    """`RankingEvaluator` for queries, else `Evaluator`. `UserError` where the settings do not fit the data."""
    return RankingEvaluator(dataset, settings) if dataset.form.is_queries else Evaluator(dataset, settings, device)

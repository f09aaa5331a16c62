"""Features → statistics → metrics, of generated samples against real ones."""

from __future__ import annotations

from gantune.metrics.evaluator import Evaluator
from gantune.metrics.opening import AnyEvaluator, open_evaluator
from gantune.metrics.ranking_evaluator import RankingEvaluator
from gantune.metrics.settings import MetricSettings

__all__ = ["AnyEvaluator", "Evaluator", "MetricSettings", "RankingEvaluator", "open_evaluator"]

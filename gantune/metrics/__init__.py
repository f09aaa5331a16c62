"""Features → statistics → metrics, of generated samples against real ones."""

from __future__ import annotations

from gantune.metrics.evaluator import Evaluator
from gantune.metrics.settings import MetricSettings

__all__ = ["Evaluator", "MetricSettings"]

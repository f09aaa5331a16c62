"""How a trial is measured."""

from __future__ import annotations

from dataclasses import dataclass

from gantune.params import param

EXTRACTORS = ("mnist_cnn", "inception", "raw")


@dataclass(frozen=True)
class MetricSettings:
    """What every metric value depends on besides the data; values under different settings are not comparable."""

    extractor: str = param("auto", "what features are computed with; auto goes by the data", choices=("auto", *EXTRACTORS))
    n_fake: int = param(1000, "generated samples a measurement", low=2, high=1_000_000)
    n_real: int = param(0, "training examples compared with; 0 takes all", low=0)
    weights: str | None = param(None, "file of the inception weights; left out, they are downloaded once")

"""Mean ± std over seeds, and Welch's interval of the difference of two means (Welch 1947)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """`n` values: their mean and sample standard deviation (n − 1; None for a single value)."""

    n: int
    mean: float
    std: float | None


@dataclass(frozen=True)
class Difference:
    """mean(a) − mean(b) with its two-sided confidence interval."""

    value: float
    low: float
    high: float

    @property
    def is_evident(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def summarise(values: Sequence[float]) -> Summary:
    """Mean and sample standard deviation of one or more finite values."""
    n, mean = len(values), math.fsum(values) / len(values)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else None
    return Summary(n, mean, std)


def difference(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> Difference | None:
    """Welch's interval of mean(a) − mean(b); None where either side has fewer than two values or neither varies."""
    from scipy.stats import t as student

    left, right = summarise(a), summarise(b)
    if left.std is None or right.std is None:
        return None
    parts = left.std**2 / left.n, right.std**2 / right.n  # squared standard errors
    error = math.sqrt(sum(parts))
    if error == 0:
        return None
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (left.n - 1) + parts[1] ** 2 / (right.n - 1))  # Welch-Satterthwaite
    half = float(student.ppf(0.5 + confidence / 2, freedom)) * error
    value = left.mean - right.mean
    return Difference(value, value - half, value + half)

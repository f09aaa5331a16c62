"""How the terminal writes a measure of quality."""

from __future__ import annotations

from gantune.signals import SIGNALS

COARSE = ("fid", "fid_back", "fid_both", "inception_score", "modes")  # two decimals; the others lie between 0 and about 1


def title(metric: str) -> str:
    """Its name as people write it."""
    return metric.upper() if metric in ("fid", "kid") else metric


def text(value: float | None, metric: str) -> str:
    """Its value; "" where there is none."""
    return "" if value is None else f"{value:.{2 if metric in COARSE else 4}f}"


def best_first(value: float | None, metric: str) -> float:
    """What sorts values of the metric with the best one first, missing ones last."""
    if value is None:
        return float("inf")
    return -value if SIGNALS[metric].better == "high" else value

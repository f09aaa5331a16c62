"""The trials of scale.py: recorded curves, replayed at once by workers that import neither torch nor Parquet for it."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RECORDED = Path(__file__).parent / "recorded" / "dcgan.parquet"
CURVES = "SCALE_CURVES"  # the variable that names the file of curves
REPORTS, KIMG = 20, 60.0
DECADES = ("lr_g", "lr_ratio", "k")  # in which distances are logarithms


class Replayed:
    """A trial that runs through its curve."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.curve = nearest(plan["values"])
        self.points: list[dict[str, float]] = []
        self.verdict: Any = None

    def advance(self) -> dict[str, float]:
        self.points.append(self.curve[len(self.points)])
        if len(self.points) == REPORTS:
            self.verdict = SimpleNamespace(reason="budget", evidence="replayed to its end")
        return self.points[-1]


def score(plan: dict[str, Any], *, seed: int, n: int) -> dict[str, Any]:
    """The curve's best, a little worse, as a score on fresh samples is."""
    fid = min(point["fid"] for point in nearest(plan["values"])) * (1.02 + 0.01 * (seed % 5))
    provenance = {"extractor": "mnist_cnn", "n_fake": n, "n_real": 4000, "split": "train"}
    return {"fid": fid, "provenance": provenance, "floor": {"fid": 1.5}}


def nearest(values: Mapping[str, Any]) -> list[dict[str, float]]:
    """The curve recorded nearest to a setting, its FID raised by the distance."""

    def distance(params: Mapping[str, Any]) -> float:
        decades = [math.log10(values[name] / params[name]) for name in DECADES]
        return math.hypot(*decades, values["beta1"] - params["beta1"])

    away, best = min(((distance(params), curve) for params, curve in curves()), key=lambda pair: pair[0])
    return [point | {"fid": point["fid"] * (1 + away / 5), "fid_best": point["fid_best"] * (1 + away / 5)} for point in best]


@functools.cache
def curves() -> list[tuple[dict[str, Any], list[dict[str, float]]]]:
    """Every recorded setting with its curve."""
    return [(params, points) for params, points in json.loads(Path(os.environ[CURVES]).read_text())]


def write_curves(path: Path) -> None:
    """The recording at twenty evenly spaced places, signal by signal."""
    import numpy as np

    from gantune.replay.table import read_table

    def resampled(points: Any) -> list[dict[str, float]]:
        kimg = [point["kimg"] for point in points]
        wanted = [KIMG * index / REPORTS for index in range(1, REPORTS + 1)]
        names = [name for name in points[-1] if name != "kimg"]
        columns = {name: np.interp(wanted, kimg, [point.get(name, math.nan) for point in points]) for name in names}
        return [
            {"kimg": at, "images": 1000 * at, **{name: float(column[row]) for name, column in columns.items()}}
            for row, at in enumerate(wanted)
        ]

    _, recorded = read_table(RECORDED)
    path.write_text(json.dumps([[one.params, resampled(one.points)] for one in recorded]))

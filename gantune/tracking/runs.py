"""What a run in MLflow consists of: points that wait to be sent, its files, its pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gantune.tracking.tracker import Tracker, metric

COUNTERS = {"kimg", "images", "d_images", "g_images", "d_steps", "g_steps"}  # the step itself in other units
FILES = {"best.pt": "checkpoints", "last.pt": "checkpoints", "generator.safetensors": "generator", "plan.json": "generator"}


@dataclass
class RunBuffer:
    """What is to be sent for one run, so that it goes in few requests."""

    metrics: list[Any] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)

    def flush(self, tracker: Tracker, run: str) -> None:
        """Send it and be empty."""
        tracker.log(run, self.metrics, self.params, self.tags)
        self.metrics, self.params, self.tags = [], {}, {}


def metrics_of(values: Mapping[str, float], at: float, step: int, prefix: str = "") -> list[Any]:
    """The curve points of one report. Values that are not finite are left out (a store turns infinity into 1.8e308, which ruins a
    chart); the run's tag `not_finite` names them at its end."""
    numbers = {name: value for name, value in values.items() if name not in COUNTERS and isinstance(value, (int, float))}
    return [metric(f"{prefix}{name}", float(value), at, step) for name, value in numbers.items() if math.isfinite(value)]


def artifacts_of(folder: Path) -> list[tuple[Path, str]]:
    """The files of a run's folder that are kept, with the artifact folder of each."""
    return [(folder / name, place) for name, place in FILES.items() if (folder / name).is_file()]


def pictures_of(folder: Path) -> dict[int, Any]:
    """Sample grids by step (images)."""
    from PIL import Image, UnidentifiedImageError

    pictures: dict[int, Any] = {}
    for path in sorted((folder / "grids").glob("kimg_*.png")):
        match = re.fullmatch(r"kimg_(\d+(?:\.\d+)?)\.png", path.name)
        if match is None:
            continue
        try:
            with Image.open(path) as image:
                pictures[round(float(match[1]) * 1000)] = image.copy()
        except (UnidentifiedImageError, FileNotFoundError):  # damaged, or replaced while we look: not worth holding up the curves
            continue
    return pictures

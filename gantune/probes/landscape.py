"""d_loss and quality over lr_ratio × k around a configuration: a sweep of its own, so that it runs in parallel and is resumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from gantune.config import declared_params
from gantune.errors import UserError
from gantune.probes.opened import Opened
from gantune.tracking.record import SweepRecord

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of the configuration's own lr_ratio
KS = (1, 2, 3, 5)
TAIL = 0.25  # share of the budget over which d_loss is averaged


@dataclass(frozen=True)
class Landscape:
    """`quality[i][j]` and `d_loss[i][j]` at `ks[i]` and `ratios[j]`; NaN where a run gave no number. `own` is the configuration's place."""

    ratios: tuple[float, ...]
    ks: tuple[int, ...]
    quality: tuple[tuple[float, ...], ...]
    d_loss: tuple[tuple[float, ...], ...]
    own: tuple[int, float]
    metric: str
    equilibrium: float | None


def write_files(opened: Opened, folder: Path, *, kimg: float, plan: Mapping[str, Any], gpu: float) -> Path:
    """A sweep file and its space in `folder`, which train every point of the grid to `kimg`, measured as the run of `plan` is.

    `UserError` where k is a schedule.
    """
    training = opened.config.training
    if not isinstance(training.k, int):
        raise UserError("landscape: this run's k is a schedule, which the grid over k would replace; probe one with a constant k.")
    declared = declared_params(opened.config.family)
    usual = {name: opened.config.family.canonical.get(name, param.default) for name, param in declared.items()}
    values = {name: value for name, value in opened.config.flat().items() if value != usual[name] and name not in ("lr_ratio", "k")}
    ratios = [float(f"{training.lr_ratio * factor:.4g}") for factor in FACTORS]
    space = {"lr_ratio": {"choice": ratios}, "k": {"choice": sorted({*KS, training.k})}}
    sweep = {
        "family": opened.ref,
        "space": str((folder / "space.yaml").resolve()),
        "data": opened.config.data,
        "fixed": {name: _plain(value) for name, value in values.items()},
        "objective": {"metric": plan["objective"], "mode": plan["mode"]},
        "metrics": dict(plan["metrics"]),
        "budget": {"kimg": kimg, "report_every": max(kimg / 10, min(kimg, 1.0))},
        "sampler": "grid",
        "scheduler": "none",
        "stopping": ["diverged"],
        "finalists": {"top": 0},
        "score": {"n": 1000},
        "resources": {"cpu": 1, "gpu": gpu},
    }
    folder.mkdir(parents=True, exist_ok=True)
    yaml = YAML(typ="safe")
    yaml.default_flow_style = None
    for name, content in (("space", space), ("landscape", sweep)):
        with (folder / f"{name}.yaml").open("w") as file:
            yaml.dump(content, file)
    return folder / "landscape.yaml"


def landscape(record: SweepRecord, own: tuple[int, float], equilibrium: float | None) -> Landscape:
    """The grid of a sweep that `write_files` describes, as far as it has been trained."""
    metric, mode = record.objective
    cells: dict[tuple[int, float], tuple[float, float]] = {}
    for trial in record.trials:
        points = trial.points
        if points and {"k", "lr_ratio"} <= trial.params.keys():
            cells[int(trial.params["k"]), float(trial.params["lr_ratio"])] = (_best(points, metric, mode), _tail(points))
    ks, ratios = sorted({k for k, _ in cells}), sorted({ratio for _, ratio in cells})
    nothing = (math.nan, math.nan)

    def grid(part: int) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(cells.get((k, ratio), nothing)[part] for ratio in ratios) for k in ks)

    return Landscape(tuple(ratios), tuple(ks), grid(0), grid(1), own, metric, equilibrium)


def _best(points: Sequence[Mapping[str, float]], metric: str, mode: str) -> float:
    known = [value for point in points if math.isfinite(value := point.get(metric, math.nan))]
    return (min if mode == "min" else max)(known, default=math.nan)


def _tail(points: Sequence[Mapping[str, float]]) -> float:
    last = points[-1]["kimg"]
    known = [point["d_loss"] for point in points if point["kimg"] > (1 - TAIL) * last and math.isfinite(point.get("d_loss", math.nan))]
    return sum(known) / len(known) if known else math.nan


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

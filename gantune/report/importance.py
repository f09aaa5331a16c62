"""Which searched parameters decided who came out on top: PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255) by Optuna."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEWEST_TRIALS = 10
TOP = 5  # trials that Optuna asks for above the target quantile


@dataclass(frozen=True)
class Importance:
    """Shares by parameter, largest first, summing to 1; or `why` there are none."""

    shares: dict[str, float]
    trials: int
    quantile: float = 0.0  # "good" means this best share of the trials
    left_out: tuple[str, ...] = ()  # constant or conditional parameters
    why: str = ""


def importance(
    params: Sequence[Mapping[str, Any]],
    values: Sequence[float],
    *,
    mode: str = "min",
    log: Collection[str] = (),
    ignore: Collection[str] = ("seed",),
) -> Importance:
    """Importance of each parameter for reaching the best trials' values. `log` names those searched on a log scale.

    Parameters that are constant or absent from some trials are left out and named.
    """
    kept = [(given, value) for given, value in zip(params, values, strict=True) if math.isfinite(value)]
    count = len(kept)
    if count < FEWEST_TRIALS:
        return Importance({}, count, why=f"{count} trials with a value are too few to weigh parameters; {FEWEST_TRIALS} is the least.")
    names = sorted({name for given, _ in kept for name in given} - set(ignore))
    columns = {name: [given.get(name) for given, _ in kept] for name in names}
    usable = {name: column for name, column in columns.items() if None not in column and len({str(entry) for entry in column}) > 1}
    left_out = tuple(name for name in names if name not in usable)
    quantile = min(0.5, max(0.1, TOP / count))
    if len({value for _, value in kept}) == 1:
        return Importance({}, count, why="All trials have the same value, so nothing can be told apart.")
    if len(usable) < 2:
        return Importance(
            {}, count, left_out=left_out, why="Fewer than two parameters varied in every trial, so there is nothing to weigh."
        )
    shares = _ped_anova(usable, [value for _, value in kept], mode, log, quantile)
    if not sum(shares.values()) > 0:
        return Importance({}, count, left_out=left_out, why="The best trials are spread like all others: no parameter stands out.")
    return Importance(shares, count, quantile, left_out)


def _ped_anova(columns: Mapping[str, list[Any]], values: list[float], mode: str, log: Collection[str], quantile: float) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(column, name in log) for name, column in columns.items()}
    columns = {name: [_entry(entry) for entry in column] for name, column in columns.items()}
    study = optuna.create_study(direction="minimize" if mode == "min" else "maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: column[row] for name, column in columns.items()}, distributions=distributions, value=value
            )
            for row, value in enumerate(values)
        ]
    )
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def _distribution(column: list[Any], log: bool) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    numeric = all(isinstance(entry, (int, float)) and not isinstance(entry, bool) and math.isfinite(entry) for entry in column)
    if numeric and len(set(column)) > 6:
        return FloatDistribution(min(column), max(column), log=log and min(column) > 0)
    return CategoricalDistribution(sorted({_entry(entry) for entry in column}, key=str))


def _entry(entry: Any) -> Any:
    return entry if isinstance(entry, (str, int, float, bool)) else str(entry)

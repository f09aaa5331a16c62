"""The sections of a sweep file that are more than their keys: each one's defaults and what its values must hold to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.params import param
from gantune.signals import OBJECTIVES, SIGNALS
from gantune.space.samplers import SAMPLERS
from gantune.spec.document import MOST_TRIALS, ObjectiveSection, SweepDocument
from gantune.spec.model import Budget, Objective, Sampler, Scheduler
from gantune.spec.places import Places, absolute

DEFAULT_TRIALS = 16
DEFAULT_REPORTS = 15  # a trial
OF_POINTS = ("modes", "hq_share")
OF_IMAGES = ("inception_score",)
OF_QUERIES = ("ndcg_at_5", "precision_at_5")


@dataclass(frozen=True)
class ASHAOptions:
    """Asynchronous successive halving (Li et al. 2018, arXiv:1810.05934)."""

    grace: float = param(0.2, "share of the budget that each trial gets before it is compared", low=0, high=1, open_low=True)
    reduction: int = param(3, "of this many trials one goes on to the next rung", low=2, high=100)
    compare: str = param("objective", "what trials are compared by on their way", choices=("objective", "c2st_loss"))


@dataclass(frozen=True)
class MedianOptions:
    """Stop what is worse than the median of the trials at the same kimg (Golovin et al. 2017)."""

    grace: float = param(0.2, "share of the budget that each trial gets before it is compared", low=0, high=1, open_low=True)


@dataclass(frozen=True)
class PBTOptions:
    """Population based training: the worst go on from a copy of the best, with other settings (Jaderberg et al. 2017, arXiv:1711.09846)."""

    interval: float = param(0.2, "share of the budget between two comparisons", low=0, high=0.5, open_low=True)
    quantile: float = param(0.25, "share of the trials that take over, and of those that they take from", low=0, high=0.5, open_low=True)
    resample: float = param(0.25, "chance that a setting is drawn anew instead of moved", low=0, high=1)


@dataclass(frozen=True)
class NoneOptions:
    """Every trial that no rule stops trains its whole budget."""


SCHEDULERS: dict[str, type] = {"asha": ASHAOptions, "median": MedianOptions, "pbt": PBTOptions, "none": NoneOptions}


def sampler_of(document: SweepDocument, places: Places) -> Sampler:
    """The sampler with its options."""
    name, options = _named("sampler", document.sampler, places)
    if name not in SAMPLERS:
        raise UserError(f"{places.where(('sampler',))}unknown sampler {name!r}. {did_you_mean(name, SAMPLERS)}")
    places.options(SAMPLERS[name], options, ("sampler", name))
    return Sampler(name, document.seed, options)


def scheduler_of(document: SweepDocument, budget: Budget, places: Places) -> Scheduler:
    """The scheduler with its options."""
    name, options = _named("scheduler", document.scheduler, places)
    if name not in SCHEDULERS:
        raise UserError(f"{places.where(('scheduler',))}unknown scheduler {name!r}. {did_you_mean(name, SCHEDULERS)}")
    grace = options.get("grace")
    if isinstance(grace, (int, float)) and not isinstance(grace, bool) and grace > 1:
        example = f"For {grace:g} kimg: {grace / budget.kimg:.2g}." if grace < budget.kimg else "Try 0.2."
        where = places.where(("scheduler", name, "grace"))
        raise UserError(f"{where}a share of the budget in (0, 1], got {grace:g}, which is above the whole budget. {example}")
    kind: Any = name
    return Scheduler(kind, **vars(places.options(SCHEDULERS[name], options, ("scheduler", name))))


def budget_of(document: SweepDocument, places: Places, grid: int | None) -> tuple[Budget, list[str]]:
    """The budget; `grid` is the size of the grid to search, if it is one."""
    given = document.budget
    notes = []
    report_every = given.report_every if given.report_every is not None else given.kimg / DEFAULT_REPORTS
    if report_every > given.kimg:
        raise UserError(
            f"{places.where(('budget', 'report_every'))}is at most kimg ({given.kimg:g}), so that a trial reports; got {report_every:g}."
        )
    timed = given.hours is not None or given.gpu_hours is not None
    trials = given.trials or (MOST_TRIALS if timed else DEFAULT_TRIALS)
    if grid is not None and (given.trials is None or grid < given.trials):
        trials = grid
        notes.append(f"trials: {grid}, the size of the grid")
    elif grid is not None and grid > trials:
        notes.append(f"the grid has {grid} points, of which {trials} are tried")
    return Budget(trials, given.kimg, report_every, given.hours, given.gpu_hours), notes


def objective_of(document: SweepDocument, places: Places, shape: tuple[int, ...]) -> Objective:
    """The objective, and which way it is better, where the data has it."""
    given = document.objective
    section = ObjectiveSection(metric=given) if isinstance(given, str) else given
    where = places.where(("objective",) if isinstance(given, str) else ("objective", "metric"))
    if section.metric not in OBJECTIVES:
        what = "is no measure of quality" if section.metric in SIGNALS else "is unknown"
        raise UserError(f"{where}{section.metric!r} {what}. {did_you_mean(section.metric, OBJECTIVES)}")
    _check_measured(section.metric, where, shape)
    better = "min" if SIGNALS[section.metric].better == "low" else "max"
    if section.mode not in (None, better):
        raise UserError(
            f"{places.where(('objective', 'mode'))}a better {section.metric} is a {SIGNALS[section.metric].better} one: mode is {better}."
        )
    return Objective(section.metric, "min" if better == "min" else "max")


def _check_measured(metric: str, where: str, shape: tuple[int, ...]) -> None:
    """`UserError` when the data have no such measure."""
    if len(shape) == 2:
        if metric not in OF_QUERIES:
            raise UserError(f"{where}{metric} is not measured on queries. Use {' or '.join(OF_QUERIES)}.")
        return
    unfit = OF_QUERIES + (OF_POINTS if len(shape) == 3 else OF_IMAGES)
    if metric in unfit:
        homes = {OF_POINTS: "2-D mixtures (ring8, grid25)", OF_QUERIES: "queries (digits_retrieval, letor:PATH)", OF_IMAGES: "images"}
        data = next(home for metrics, home in homes.items() if metric in metrics)
        raise UserError(f"{where}{metric} is measured on {data} only. Use fid.")


def rule_of(rule: str | Mapping[str, Any], beside: Path) -> str | Mapping[str, Any]:
    """A stop rule; one in a file of the user's own is found from any working directory."""
    return absolute(rule, beside) if isinstance(rule, str) else {absolute(name, beside): options for name, options in rule.items()}


def _named(section: str, given: str | Mapping[str, Mapping[str, Any]], places: Places) -> tuple[str, dict[str, Any]]:
    if isinstance(given, str):
        return given, {}
    if len(given) != 1:
        raise UserError(f"{places.where((section,))}is one name, or one name with its options; got {', '.join(given) or 'nothing'}.")
    [(name, options)] = given.items()
    return name, dict(options)

"""What `gantune sweep --dry-run` prints: the resolved sweep, sample configurations, and what it will cost on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from gantune.cli.live import span
from gantune.per_process import dataset_of, default_device
from gantune.search import Past, Search
from gantune.spec import SweepSpec
from gantune.spec.model import Scheduler
from gantune.training.trainer import Trainer

SAMPLES = 5


def describe(spec: SweepSpec, notes: Sequence[str], warm: Sequence[Mapping[str, Any]] = (), *, is_here: bool = True) -> Iterator[str]:
    """The lines, one after the other; nothing is written anywhere. `warm` are trials of earlier sweeps (see gantune.warm); how fast they
    train is measured where they would run here."""
    budget = spec.budget
    yield f"sweep {spec.name}: {', '.join(spec.families)} on {spec.data}, objective {spec.objective.mode} {spec.objective.metric}"
    yield from (f"note: {note}" for note in notes)
    fixed = " ".join(f"{name}={value}" for name, value in spec.fixed.items())
    yield f"fixed: {fixed or 'nothing'}"
    yield f"budget: {budget.trials} trials of {budget.kimg:g} kimg, a report every {budget.report_every:g}"
    yield f"sampler: {spec.sampler.name}    scheduler: {_scheduler(spec.scheduler)}"
    yield f"stopping: {', '.join(map(_rule, spec.stopping)) or 'none'}"
    several = len(spec.families) > 1
    whose = " of the best one's family" if several else ""
    top, seeds = spec.finalists.top, spec.finalists.seeds
    yield f"finalists: {top} and the canonical setting{whose}, {seeds} seeds each" if top else "finalists: none"
    search = Search(spec.space, spec.sampler, history=[Past.elsewhere(trial) for trial in warm], mode=spec.objective.mode)
    canonical = spec.space.canonical()
    for params, note in canonical:
        search.enqueue(params, note)
    note = canonical[0][1]
    yield (
        f"sample configurations (the first {min(len(canonical), budget.trials)} are the canonical settings):"
        if several
        else ("sample configurations (the first is the canonical setting" + (f"; {note}):" if note else "):"))
    )
    asked = [search.ask() for _ in range(min(SAMPLES + len(canonical) - 1, budget.trials))]
    for one in asked:
        if one is not None:
            words = [f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in one.params.items()]
            yield "  " + " ".join(words) + (f"   ({one.note})" if several and one.note else "")
    kimg, finals = budget.trials * budget.kimg, (top + 1) * seeds * (spec.finalists.kimg or budget.kimg) if top else 0.0
    yield f"cost: at most {kimg:g} kimg of search" + (f" and {finals:g} of finalists" if top else "")
    if not is_here:
        yield "how long that takes is known where the GPUs are: the same command there, without --gpus"
        return
    rates = _kimg_per_second(spec)
    rate = len(rates) / sum(1 / each for each in rates.values())  # of a mean trial
    slow, fast = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    fastest = f" ({1000 * rates[slow]:.0f} of {slow} to {1000 * rates[fast]:.0f} of {fast})" if several else ""
    unit = "queries" if spec.config(canonical[0][0]).family.needs == "queries" else "images"
    yield (
        f"one trial runs at {1000 * rate:.0f} {unit}/s{fastest} here and now: {span(budget.kimg / rate)} of training for a full one; "
        f"device time at most {span(kimg / rate)} of search, less what is stopped early"
        + (f", and {span(finals / rate)} of finalists" if top else "")
    )


def _scheduler(scheduler: Scheduler) -> str:
    if scheduler.kind == "none":
        return "none"
    options = {name: value for name, value in scheduler.options.items() if value != "objective"}
    return f"{scheduler.kind} ({', '.join(f'{name} {value}' for name, value in options.items())})"


def _rule(rule: str | Mapping[str, Any]) -> str:
    if isinstance(rule, str):
        return rule
    [(name, options)] = rule.items()
    return f"{name} ({', '.join(f'{key} {value}' for key, value in options.items())})" if options else name


def _kimg_per_second(spec: SweepSpec) -> dict[str, float]:
    """Of each family's canonical setting, measured for a second in all on the device that trials would use."""
    torch.set_num_threads(spec.resources.cpu)
    rates = {}
    for params, _ in spec.space.canonical():
        config = spec.config(params)
        trainer = Trainer(config, dataset_of(config), default_device())
        trainer.train_to(2e-9)
        begun, start = trainer.kimg, time.perf_counter()
        while time.perf_counter() - start < 1 / len(spec.families):
            trainer.train_to(trainer.kimg + 1e-9)
        rates[config.family.name] = (trainer.kimg - begun) / (time.perf_counter() - start)
    return rates

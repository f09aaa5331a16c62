"""What `gantune sweep --dry-run` prints: the resolved sweep, sample configurations, and what it will cost on this machine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from gantune.config import Config
from gantune.families import open_family
from gantune.search import Past, Search
from gantune.spec import SweepSpec
from gantune.training.trainer import Trainer
from gantune.trial import dataset_of, default_device

SAMPLES = 5


def describe(spec: SweepSpec, notes: Sequence[str], warm: Sequence[Mapping[str, Any]] = ()) -> Iterator[str]:
    """The lines, one after the other; nothing is written anywhere. `warm` are trials of earlier sweeps (see gantune.warm)."""
    budget = spec.budget
    yield f"sweep {spec.name}: {spec.family} on {spec.data}, objective {spec.objective.mode} {spec.objective.metric}"
    yield from (f"note: {note}" for note in notes)
    fixed = " ".join(f"{name}={value}" for name, value in spec.fixed.items())
    yield f"fixed: {fixed or 'nothing'}"
    yield f"budget: {budget.trials} trials of {budget.kimg:g} kimg, a report every {budget.report_every:g}"
    scheduler = " ".join(f"{key}={value}" for key, value in dataclasses.asdict(spec.scheduler).items())
    yield f"sampler: {spec.sampler.name}    scheduler: {scheduler}    stopping: {', '.join(map(str, spec.stopping)) or 'none'}"
    yield f"finalists: {spec.finalists.top} and the canonical setting, {spec.finalists.seeds} seeds each"
    family = open_family(spec.family)
    search = Search(spec.space, spec.sampler, history=[Past.elsewhere(trial) for trial in warm], mode=spec.objective.mode)
    params, note = spec.space.project(family.canonical)
    search.enqueue(params, note)
    yield "sample configurations (the first is the canonical setting" + (f"; {note}):" if note else "):")
    asked = [search.ask() for _ in range(min(SAMPLES, budget.trials))]
    for one in asked:
        if one is not None:
            yield "  " + " ".join(
                f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in one.params.items()
            )
    rate = _kimg_per_second(spec)
    finals = (spec.finalists.top + 1) * spec.finalists.seeds if spec.finalists.top else 0
    kimg = budget.trials * budget.kimg
    yield f"cost: at most {kimg:g} kimg of search and {finals * budget.kimg:g} of finalists"
    yield (
        f"one trial runs at {1000 * rate:.0f} images/s here: {budget.kimg / rate / 60:.1f} min of training for a full one, "
        f"at most {kimg / rate / 3600:.2f} device hours of search, less what is stopped early"
    )


def _kimg_per_second(spec: SweepSpec) -> float:
    """Of the canonical setting, measured for a second on the device that trials would use."""
    torch.set_num_threads(spec.resources.cpu)
    family = open_family(spec.family)
    config = Config.of(family, spec.data, spec.fixed)
    trainer = Trainer(config, dataset_of(config), default_device())
    trainer.train_to(2e-9)
    begun, start = trainer.kimg, time.perf_counter()
    while time.perf_counter() - start < 1:
        trainer.train_to(trainer.kimg + 1e-9)
    return (trainer.kimg - begun) / (time.perf_counter() - start)

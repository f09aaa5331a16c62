"""Whether a sweep's parts fit together: data, networks, metrics, rules and the machine."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gantune.advice import check_budget, own_value, pretraining_only, rates_that_end, unheard
from gantune.config import Config
from gantune.data import Form, form_of
from gantune.errors import UserError
from gantune.metrics import MetricSettings
from gantune.metrics.extractors import choose
from gantune.spec.model import SweepSpec
from gantune.spec.places import Places
from gantune.stopping import open_rules
from gantune.tracking.store import LATEST

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def metric_settings(given: Mapping[str, Any], data: str, shape: tuple[int, ...], places: Places) -> dict[str, Any]:
    """Every field of the metric settings, checked."""
    settings = places.options(MetricSettings, {key: value for key, value in given.items() if value is not None}, ("metrics",))
    places.inside(("metrics", "extractor"), lambda: choose(settings.extractor, data, shape))
    return dataclasses.asdict(settings)


def check_resources(spec: SweepSpec, gpus: int, places: Places) -> list[str]:
    """That the machine or cluster has what a trial asks for; and what the user should know."""
    gpu = spec.resources.share(gpus)
    where = places.where(("resources", "gpu"))
    if gpu > 1 and gpu != int(gpu):
        raise UserError(f"{where}is a share below 1, or a whole number of GPUs; got {gpu:g}.")
    if gpu > gpus:
        has = "there is none" if gpus == 0 else f"there is {gpus}" if gpus == 1 else f"there are {gpus}"
        raise UserError(
            f"{where}a trial asks for {gpu:g} GPU, and {has}. Use --set resources.gpu={gpus}, or connect to a cluster that has some."
        )
    if spec.budget.gpu_hours is not None and gpu == 0:
        raise UserError(
            f"{places.where(('budget', 'gpu_hours'))}trials use no GPU, so that this never ends. Use hours, or set resources.gpu."
        )
    if spec.resources.gpu != "auto":
        return []
    if gpus == 0:
        return ["resources.gpu: auto is 0, as there is no GPU"]
    return ["resources.gpu: auto: before the search a memory probe picks how many trials share a GPU, at most 8"]


def form_for(data: str, fixed: Mapping[str, Any]) -> Form:
    """What networks must know of the data, without opening them. `UserError` for an unknown name or a missing folder."""
    size = fixed.get("image_size", 0)
    return form_of(data, size if isinstance(size, int) and size > 0 else 0)


def check_compared(spec: SweepSpec, form: Form, places: Places) -> None:
    """`UserError` where trials would be compared by what their data do not have."""
    if spec.scheduler.kind == "asha" and spec.scheduler.compare != "objective" and form.is_queries:
        where = places.where(("scheduler", "asha", "compare"))
        raise UserError(f"{where}rankings of {spec.data} have no {spec.scheduler.compare}. Leave it out.")


def check_population(spec: SweepSpec, places: Places) -> list[str]:
    """That a population can take over anything: it is compared at some report, and is large enough; and what the user should know."""
    if spec.scheduler.kind != "pbt":
        return []
    budget, where = spec.budget, places.where(("scheduler",))
    if len(spec.families) > 1:
        raise UserError(f"{where}pbt copies checkpoints between trials, so that they are of one family; got {len(spec.families)}.")
    if budget.report_every >= budget.kimg:
        raise UserError(f"{where}pbt compares trials on their way, and these report at their end only. Set budget.report_every lower.")
    least = math.ceil(1 / spec.scheduler.quantile)
    if budget.trials < least:
        raise UserError(f"{where}with quantile {spec.scheduler.quantile:g} pbt compares {least} trials or more, got {budget.trials}.")
    if spec.sampler.name == "random":
        return []
    return [f"scheduler pbt: sampler {spec.sampler.name} learns from each trial up to its first takeover; sampler random is as good"]


def check_runs(spec: SweepSpec, form: Form, places: Places) -> None:
    """The rules can speak for some family, and each one's networks can be built for the data, at its canonical setting in the space."""
    several = len(spec.families) > 1
    silent: list[dict[str, str]] = []
    for params, _ in spec.space.canonical():
        config = spec.config(params)
        try:
            silent.append(_check_run(spec, config, form, places, from_user=spec.stopping_from_user and not several))
        except UserError as error:
            raise UserError(f"{error} (Of the sweep's families this is {config.family.name}.)" if several else str(error)) from error
    everywhere = [name for name in silent[0] if all(name in rules for rules in silent)]
    if several and spec.stopping_from_user and everywhere:
        where = places.where(("stopping",))
        raise UserError(f"{where}stop rule {everywhere[0]!r} cannot be used with any of these families. Leave it out.")


def settings_in_vain(spec: SweepSpec, form: Form, fixed: Mapping[str, Any]) -> list[str]:
    """Notes on those `fixed` and searched settings that change nothing for any family, and on budgets that outlast what trains in them."""
    searched = spec.space.domains
    configs = [spec.config(params) for params, _ in spec.space.canonical()]

    def reason(name: str, *others: Any) -> str | None:
        having = [config for config in configs if name in config.flat()]
        found = [unheard(config, form_of_run(spec, config, form), name, others or [own_value(config, name)], searched) for config in having]
        return found[0] if found and all(found) else None

    kimg = spec.budget.kimg
    told = [note for config in configs for note in (rates_that_end(config, kimg), pretraining_only(config, kimg)) if note is not None]
    notes = list(dict.fromkeys(told))
    notes += [f"{name}={value} changes nothing here: {why}" for name, value in fixed.items() if (why := reason(name)) is not None]
    for name, domain in searched.items():
        tried = domain.choices if domain.kind == "choice" else (domain.at(0.0), domain.at(0.1))
        if not domain.when and (why := reason(name, *tried)) is not None:
            notes.append(f"{name} is searched and changes nothing here: {why}")
    return notes


def form_of_run(spec: SweepSpec, config: Config, form: Form) -> Form:
    """The data's form at the size that the run asks for."""
    return form_of(spec.data, config.prepare.image_size) if config.prepare.image_size else form


def _check_run(spec: SweepSpec, config: Config, form: Form, places: Places, *, from_user: bool) -> dict[str, str]:
    """Gives the rules that are silent, and why."""
    form = form_of_run(spec, config, form)
    config.check_fits(form)
    _, silent = open_rules(spec.stopping, config.family.equilibrium(config.hparams), places.where(("stopping",)), from_user=from_user)
    with torch.random.fork_rng(devices=[]):  # on the meta device it would be free, but that takes five seconds to import
        blamed = ("fixed", "image_size") if "image_size" in spec.fixed else ("data",)
        players = places.inside(blamed, lambda: config.family.build(config.arch, form))
    for name in ("batch", "d_warmup"):
        domain = spec.space.domains.get(name)
        values = [getattr(config.training, name)] if domain is None else domain.choices or (domain.at(0.0), domain.at(1.0))
        for value in values:
            at_end = dataclasses.replace(config, training=dataclasses.replace(config.training, **{name: value}))
            blamed = ("fixed", name) if name in spec.fixed else ("space",)
            places.inside(blamed, partial(at_end.check_batch, players))
            places.inside(blamed, partial(check_budget, at_end, spec.budget.kimg))
    return silent


def check_name(name: str) -> None:
    """`UserError` when no sweep can be called `name`."""
    if not NAME.fullmatch(name):
        raise UserError(f"the sweep's name is made of letters, digits, '.', '_' and '-', got {name!r}. Give another with --name.")
    if name == LATEST:
        raise UserError(f"the sweep's name is {name!r}, by which commands find the sweep started last. Give another with --name.")


def check_name_free(name: str | None, runs: Path | None) -> None:
    """`UserError` when the name that the user gave has been used. An empty folder is free: it was made for the sweep to come."""
    if name is None or runs is None or not runs.is_dir():
        return
    taken = [folder.name for folder in runs.iterdir() if folder.name == name or folder.name.rpartition("-")[0] == name]
    taken = [entry for entry in taken if not _is_empty(runs / entry)]
    if taken:
        raise UserError(f"--name {name}: {runs / sorted(taken)[0]} exists. Take another name, or go on with it: gantune resume {name}.")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None

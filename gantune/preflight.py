"""Everything about a sweep that only opening it can tell, tried before anything is started."""

from __future__ import annotations

from gantune.per_process import dataset_of, default_device, evaluator_of
from gantune.spec import SweepSpec
from gantune.stopping import open_rules
from gantune.training.given import Conditions


def check_opens(spec: SweepSpec) -> list[str]:
    """Open data, extractor, networks and rules as trials of the canonical settings would. `UserError` where one does not; else notes."""
    notes: list[str] = []
    silent: dict[tuple[str, str], list[str]] = {}  # (rule, why) -> families
    for params, _ in spec.space.canonical():
        config = spec.config(params)
        dataset = dataset_of(config)
        config.check_fits(dataset.form)
        config.build(dataset.form)
        warning = Conditions(config.family, config.arch, dataset, default_device()).warning
        notes += [warning] if warning is not None and warning not in notes else []
        evaluator_of(config, tuple(sorted(spec.metrics.items())), default_device())
        _, off = open_rules(list(spec.stopping), config.family.equilibrium(config.hparams))
        for rule, why in off.items():
            silent.setdefault((rule, why), []).append(config.family.name)
    of = {key: f" for {', '.join(families)}" if len(spec.families) > 1 else "" for key, families in silent.items()}
    return [*notes, *(f"stop rule {rule} is off{of[rule, why]}: {why}" for rule, why in silent)]

"""Everything about a sweep that only opening it can tell, tried before anything is started."""

from __future__ import annotations

from gantune.config import Config
from gantune.families import open_family
from gantune.spec import SweepSpec
from gantune.stopping import open_rules
from gantune.trial import dataset_of, default_device, evaluator_of


def check_opens(spec: SweepSpec) -> list[str]:
    """Open data, extractor, networks and rules as a trial of the canonical setting would. `UserError` where one does not; else notes."""
    family = open_family(spec.family)
    params, _ = spec.space.project(family.canonical)
    config = Config.of(family, spec.data, spec.space.resolve(params) | dict(spec.fixed))
    dataset = dataset_of(config)
    config.check_fits(dataset.form)
    family.build(config.arch, dataset.form)
    evaluator_of(config, tuple(sorted(spec.metrics.items())), default_device())
    _, silent = open_rules(list(spec.stopping), family.equilibrium(config.hparams))
    return [f"stop rule {name} is off: {why}" for name, why in silent.items()]

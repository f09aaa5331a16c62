"""Optuna's samplers for our names, and the points of a Sobol sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial
from scipy.stats import qmc

from gantune.space import Domain, Space

CMAES_SOURCES = 10  # it starts from the best tenth of the trials it is given, which must be one at least


def optuna_sampler(
    name: str, options: Any, *, conditional: bool, seeds: Sequence[int], number: int, learnt: Sequence[FrozenTrial]
) -> BaseSampler:
    """A sampler for the trial `number` alone, whose randomness is a function of (seeds, number).

    `learnt` are trials from before this process, from which, where there are ten, CMA-ES starts its first generation; the others read
    them from the study.
    `gp` fits a Gaussian process anew for each suggestion, which takes seconds from about a hundred trials on; `tpe` stays fast.
    """
    drawn = int(np.random.SeedSequence([*seeds, number]).generate_state(1)[0])
    if name == "tpe":
        return TPESampler(
            n_startup_trials=options.n_startup_trials,
            n_ei_candidates=options.n_ei_candidates,
            multivariate=True,
            group=conditional,
            constant_liar=True,
            seed=drawn,
        )
    if name == "gp":
        return GPSampler(n_startup_trials=options.n_startup_trials, warn_independent_sampling=False, seed=drawn)
    if name == "cmaes":
        return CmaEsSampler(
            n_startup_trials=options.n_startup_trials,
            popsize=options.popsize or None,
            source_trials=list(learnt) if len(learnt) >= CMAES_SOURCES else None,
            warn_independent_sampling=False,
            seed=drawn,
        )
    return RandomSampler(seed=drawn)


def sobol_point(space: Space, seeds: Sequence[int], number: int) -> dict[str, Any]:
    """Point `number` of a scrambled Sobol sequence over the space. Optuna's own keeps its position in the storage; this one needs none."""
    sequence = qmc.Sobol(d=len(space.domains), scramble=True, rng=np.random.default_rng(seeds))
    if number > 0:  # scipy cannot go forward by nothing
        sequence.fast_forward(number)
    shares = iter(sequence.random(1)[0])
    return space.sample(lambda name, domain: domain.at(float(next(shares))))[0]


def distribution(domain: Domain) -> BaseDistribution:
    """A domain as Optuna knows it."""
    if domain.kind == "choice":
        return CategoricalDistribution([domain.label(choice) for choice in domain.choices])
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)

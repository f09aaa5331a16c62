"""Sweep files: what to run, with every mistake found before anything starts."""

from gantune.spec.load import load_sweep
from gantune.spec.model import Budget, Finalists, Objective, Resources, Sampler, Scheduler, Score, Storage, SweepSpec
from gantune.spec.sets import parse_sets

__all__ = [
    "Budget",
    "Finalists",
    "Objective",
    "Resources",
    "Sampler",
    "Scheduler",
    "Score",
    "Storage",
    "SweepSpec",
    "load_sweep",
    "parse_sets",
]

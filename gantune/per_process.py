"""A process's device, and the data and evaluators that it opens once and keeps."""

from __future__ import annotations

import functools
from typing import Any

import torch

from gantune.config import Config
from gantune.data import Dataset, open_dataset
from gantune.metrics import AnyEvaluator, MetricSettings, open_evaluator


def default_device() -> torch.device:
    """The GPU where torch sees one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dataset_of(config: Config) -> Dataset:
    """The configuration's data, opened once a process."""
    return _dataset(config.data, config.prepare.image_size)


def evaluator_of(config: Config, metrics: tuple[tuple[str, Any], ...], device: torch.device) -> AnyEvaluator:
    """The evaluator of the configuration's data, opened once a process."""
    return _evaluator(config.data, config.prepare.image_size, metrics, device)


@functools.lru_cache(maxsize=2)
def _dataset(name: str, image_size: int) -> Dataset:
    return open_dataset(name, image_size)


@functools.lru_cache(maxsize=4)
def _evaluator(name: str, image_size: int, metrics: tuple[tuple[str, Any], ...], device: torch.device) -> AnyEvaluator:
    return open_evaluator(_dataset(name, image_size), MetricSettings(**dict(metrics)), device)

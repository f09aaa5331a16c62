"""Values that change while a run goes on. All times are absolute kimg, so that a longer budget repeats a shorter one."""

from __future__ import annotations

import math

from gantune.training.settings import Steps, Training


def value_at(schedule: float | Steps, kimg: float) -> float:
    """A constant, or the value of the last step that has begun."""
    if not isinstance(schedule, tuple):
        return schedule
    return [value for start, value in schedule if start <= kimg][-1]


def lr_factor(training: Training, kimg: float) -> float:
    """What both learning rates are multiplied with at `kimg`, in [0, 1]."""
    elapsed = max(0.0, kimg - training.lr_decay_start) / training.lr_decay_kimg
    if training.lr_decay == "linear":
        return max(0.0, 1 - elapsed)
    if training.lr_decay == "cosine":
        return (1 + math.cos(math.pi * min(1.0, elapsed))) / 2
    if training.lr_decay == "halving":
        return 0.5 ** math.floor(elapsed)
    return 1.0


def rates_end(training: Training) -> float | None:
    """The kimg from which on both rates are 0; None where they never are."""
    return training.lr_decay_start + training.lr_decay_kimg if training.lr_decay in ("linear", "cosine") else None


def noise_at(training: Training, kimg: float) -> float:
    """Std of the instance noise at `kimg`; it falls linearly to 0 (Arjovsky & Bottou 2017, arXiv:1701.04862, section 3)."""
    if training.noise_kimg == 0:
        return training.noise
    return training.noise * max(0.0, 1 - kimg / training.noise_kimg)

"""Optuna without its chatter."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

from optuna.exceptions import ExperimentalWarning


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Only Optuna's errors are logged in here, and its notes on experimental features are not shown; both as before afterwards."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # TPE's group, the GP sampler: chosen knowingly
            yield
    finally:
        logger.setLevel(level)

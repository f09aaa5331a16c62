"""The time of day as nobody sets it forward or back while this process lives, so that the difference of two moments is a duration."""

from __future__ import annotations

import time

CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux's goes on while the machine sleeps, as the day does
_ZERO = time.time() - time.clock_gettime(CLOCK)


def now() -> float:
    """Unix seconds."""
    return _ZERO + time.clock_gettime(CLOCK)

"""Test-wide settings: offline, quiet, one thread, a cache of the session's own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
signal.signal(signal.SIGINT, signal.default_int_handler)  # in a shell's background Ctrl-C is ignored, as it would be by what tests start
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", "GANTUNE_RUNS"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    if "GANTUNE_CACHE" not in os.environ:
        os.environ["GANTUNE_CACHE"] = str(tmp_path_factory.mktemp("cache"))

"""Synthetic sweeps from tests/runtime, stores as tests/tracking reads them, and drivers that are gone when a test is over."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

for name in ("runtime", "tracking"):
    sys.path.insert(0, str(Path(__file__).parents[1] / name))

from mlflow_stores import uri_of  # noqa: E402
from processes import DriverProcess  # noqa: E402

from gantune.tracking.tracker import Tracker  # noqa: E402


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data base with MLflow's tables: making them takes seconds, copying them none."""
    runs = tmp_path_factory.mktemp("empty")
    Tracker(uri_of(runs), runs, "other")
    return runs / "mlflow.db"


@pytest.fixture
def folder(tmp_path: Path, empty_store: Path) -> Path:
    """Where a sweep may go, beside the data base of its runs folder."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return tmp_path / "synthetic-1"


@pytest.fixture
def start() -> Iterator[Callable[..., DriverProcess]]:
    """Starts a driver, as `DriverProcess` does."""
    started: list[DriverProcess] = []

    def begin(*given: Any, **more: Any) -> DriverProcess:
        started.append(DriverProcess(*given, **more))
        return started[-1]

    yield begin
    for driver in started:
        driver.clean_up()

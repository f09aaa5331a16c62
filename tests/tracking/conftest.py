"""A store that is ready."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow_stores import uri_of

from gantune.tracking.tracker import Tracker


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data base with MLflow's tables: making them takes seconds, copying them none."""
    runs = tmp_path_factory.mktemp("empty")
    Tracker(uri_of(runs), runs, "other")
    return runs / "mlflow.db"


@pytest.fixture
def runs(tmp_path: Path, empty_store: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    return folder

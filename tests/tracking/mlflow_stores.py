"""What an MLflow store holds of a sweep, read back through the plain client."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from gantune.tracking.environment import prepare
from gantune.tracking.record import SweepRecord

prepare()

from mlflow.tracking import MlflowClient  # noqa: E402

COUNTERS = {"kimg", "images"}


def uri_of(runs: Path) -> str:
    """The default store of a runs folder."""
    return f"sqlite:///{runs.resolve() / 'mlflow.db'}"


def runs_of(uri: str, name: str = "dcgan") -> dict[str, list[Any]]:
    """Every run by its gantune.id."""
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(name)
    found: dict[str, list[Any]] = {}
    for run in client.search_runs([experiment.experiment_id], max_results=1000):
        found.setdefault(run.data.tags["gantune.id"], []).append(run)
    return found


def points_of(uri: str, run: Any) -> Counter[tuple[str, int, float]]:
    """(name, step, value) of every point of a run, counted."""
    client = MlflowClient(tracking_uri=uri)
    rows = [row for name in run.data.metrics for row in client.get_metric_history(run.info.run_id, name)]
    return Counter((row.key, row.step, row.value) for row in rows)


def recorded(trial: Any) -> Counter[tuple[str, int, float]]:
    """The points that a trial's record says there must be, each once."""
    rows = [(name, round(point["images"]), value) for point in trial.points for name, value in point.items() if name not in COUNTERS]
    return Counter(rows)


def files_of(run: Any) -> set[str]:
    """Paths of the run's artifacts in a local store."""
    root = Path(run.info.artifact_uri.removeprefix("file://"))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def assert_whole(folder: Path, uri: str, name: str = "dcgan") -> None:
    """One run for each trial, finalist and the sweep; every recorded point in it exactly once."""
    record, found = SweepRecord.load(folder), runs_of(uri, name)
    ids = [trial.id for trial in record.trials] + [final.id for final in record.finals] + ["sweep"]
    assert sorted(found) == sorted(ids)
    assert all(len(group) == 1 for group in found.values())
    for trial in record.trials:
        points = points_of(uri, found[trial.id][0])
        assert {key: count for key, count in points.items() if not key[0].startswith("score_")} == recorded(trial)
        assert set(points.values()) <= {1}

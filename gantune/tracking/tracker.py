"""MLflow as gantune uses it: runs found by their tags before they are made, curves in batches, files as artifacts.

The only module that imports MLflow. Every call either has its effect in the store or raises `Unreachable`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from gantune.servers import shown
from gantune.tracking.environment import prepare
from gantune.tracking.lock import held

prepare()

from mlflow.entities import Metric, Param, Run, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.db.db_types import DATABASE_ENGINES  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402
from requests import RequestException  # noqa: E402
from sqlalchemy import make_url  # noqa: E402
from sqlalchemy.exc import DBAPIError, SQLAlchemyError  # noqa: E402

METRICS_PER_BATCH = 800  # of a thousand things in a request, with room for the next two
NAMES_PER_BATCH = 100  # MLflow's limit on params and on tags
PARAM_LENGTH, TAG_LENGTH = 6000, 5000
PICTURES = "images"  # where log_image puts them
OPENING_SECONDS = 120  # for another process that is creating the same data base


class Unreachable(Exception):
    """The store did not take it, for a reason outside of the sweep: try again later."""


class Tracker:
    """One experiment in the store at `uri`."""

    def __init__(self, uri: str, runs: Path, experiment: str) -> None:
        self.uri = uri
        self._artifacts: dict[str, str] = {}  # run id → where its artifacts lie
        with _talking():
            if re.split(r"[:+]", uri)[0] in DATABASE_ENGINES:  # two processes must not create one at the same time
                runs.mkdir(parents=True, exist_ok=True)
                with held(runs / ".mlflow.lock", seconds=OPENING_SECONDS) as mine:
                    if not mine:
                        raise Unreachable("another process keeps creating the data base")
                    _make(uri)
                    self._client = MlflowClient(tracking_uri=uri)
                    self._experiment = self._open(experiment, (runs.resolve() / "artifacts").as_uri())
            else:
                self._client = MlflowClient(tracking_uri=uri)
                self._experiment = self._open(experiment, None)

    def find_runs(self, tags: Mapping[str, str], key: str) -> dict[str, str]:
        """Run ids of the runs that carry `tags`, by the value of their tag `key`."""
        wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        found: dict[str, str] = {}
        token = None
        with _talking():
            while True:
                page = self._client.search_runs([self._experiment], wanted, ViewType.ACTIVE_ONLY, 1000, page_token=token)
                for run in page:
                    found.setdefault(run.data.tags.get(key, ""), self._known(run))
                token = page.token
                if not token:
                    return found

    def create(self, name: str, start: float, tags: Mapping[str, Any]) -> str:
        """A new run, begun at `start` (unix seconds); gives its id."""
        with _talking():
            return self._known(self._client.create_run(self._experiment, _ms(start), _texts(tags, TAG_LENGTH), name))

    def log(self, run: str, metrics: Sequence[Metric], params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Points, params and tags of a run. Logging the same again changes nothing."""
        param_rows = [Param(name, value) for name, value in _texts(params, PARAM_LENGTH).items()]
        tag_rows = [RunTag(name, value) for name, value in _texts(tags, TAG_LENGTH).items()]
        with _talking():
            while metrics or param_rows or tag_rows:
                self._client.log_batch(run, metrics[:METRICS_PER_BATCH], param_rows[:NAMES_PER_BATCH], tag_rows[:NAMES_PER_BATCH])
                metrics, param_rows, tag_rows = metrics[METRICS_PER_BATCH:], param_rows[NAMES_PER_BATCH:], tag_rows[NAMES_PER_BATCH:]

    def set_status(self, run: str, status: str, at: float | None = None) -> None:
        """RUNNING; or FINISHED, KILLED, FAILED, at `at`."""
        with _talking():
            if status == "RUNNING":
                self._client.update_run(run, status=status)
            else:
                self._client.set_terminated(run, status, None if at is None else _ms(at))

    def place(self, run: str, path: Path, folder: str) -> None:
        """A file as an artifact; an older one of its name is replaced. A local store gets a hard link where that is possible."""
        root = urlparse(self._artifacts[run])
        with _talking():
            if root.scheme != "file":
                self._client.log_artifact(run, str(path), folder or None)
                return
            target = Path(unquote(root.path)) / folder / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.{os.getpid()}")
            partial.unlink(missing_ok=True)
            try:
                os.link(path, partial)
            except OSError:  # another file system, or one without hard links
                if not path.exists():  # the sweep has let go of it meanwhile
                    return
                shutil.copy2(path, partial)
            os.replace(partial, target)
            partial.unlink(missing_ok=True)  # replacing a link by another to the same file does nothing

    def drop(self, run: str, name: str, folder: str) -> None:
        """Remove an artifact from a store on this machine's disks; elsewhere it stays."""
        root = urlparse(self._artifacts[run])
        if root.scheme == "file":
            with _talking():
                (Path(unquote(root.path)) / folder / name).unlink(missing_ok=True)

    def steps_of_pictures(self, run: str, key: str) -> set[int]:
        """The steps at which the run has pictures called `key`: each was given a random name, so logging again would double it."""
        with _talking():
            names = [Path(file.path).name for file in self._client.list_artifacts(run, PICTURES)]
        found = [re.match(rf"{re.escape(key)}[+%]step[+%](\d+)[+%]", name) for name in names]
        return {int(match[1]) for match in found if match}

    def picture(self, run: str, image: Any, key: str, step: int, at: float) -> None:
        """One picture of a series."""
        with _talking():
            self._client.log_image(run, image, key=key, step=step, timestamp=_ms(at), synchronous=True)

    def _open(self, experiment: str, artifacts: str | None) -> str:
        found = self._client.get_experiment_by_name(experiment)
        if found is None:
            try:
                return str(self._client.create_experiment(experiment, artifacts))
            except MlflowException:  # somebody else was faster, if it exists now
                found = self._client.get_experiment_by_name(experiment)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise Unreachable(
                f"experiment {experiment!r} was deleted; restore it with `mlflow experiments restore -x {found.experiment_id}`"
            )
        return str(found.experiment_id)

    def _known(self, run: Run) -> str:
        self._artifacts[run.info.run_id] = run.info.artifact_uri
        return str(run.info.run_id)


def metric(name: str, value: float, at: float, step: int) -> Metric:
    """One point of a curve. Its time is the event's, so that sending it twice sends the same row."""
    return Metric(name, value, _ms(at), step)


def _make(uri: str) -> None:
    """Give a new sqlite file its tables before it bears its name: one that was killed in the middle of that could never be opened again."""
    url = make_url(uri)
    if url.get_backend_name() != "sqlite" or url.database is None or Path(url.database).exists():
        return
    name = url.database
    partial = Path(name).with_name(f".{Path(name).name}.new")
    for part in (partial, partial.with_name(f"{partial.name}-journal")):
        part.unlink(missing_ok=True)
    MlflowClient(tracking_uri=f"sqlite:///{partial}").search_experiments(max_results=1)
    os.replace(partial, name)


@contextlib.contextmanager
def _talking() -> Iterator[None]:
    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, OSError, ImportError) as error:  # the last: a data base's driver
        raise Unreachable(in_short(error)) from error


def in_short(error: BaseException) -> str:
    """What the operating system or the data base said, where it is behind the error; else the error's own words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror if cause.filename is None else f"{cause.strerror}: {cause.filename}"
        if isinstance(cause, DBAPIError):
            return " ".join(str(cause.orig).split())[:300]
        cause = cause.__cause__ or cause.__context__
    return shown(" ".join(str(error).split()))[:300]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _texts(values: Mapping[str, Any], longest: int) -> dict[str, str]:
    return {name: str(value)[:longest] for name, value in values.items() if value is not None}

"""A sweep's driver as a Ray job: it runs on the cluster's head and outlives every terminal."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.job_submission import JobSubmissionClient

from gantune.errors import UserError
from gantune.servers import is_here, shown

API = "RAY_API_SERVER_ADDRESS"
DASHBOARD = "http://127.0.0.1:8265"
ANSWERS_WITHIN = 5.0  # seconds
PASSED_ON = ("PYTHONPATH", "GANTUNE_CACHE", "MLFLOW_TRACKING_URI")  # nothing secret: Ray shows a job's environment to everybody
LOGIN = re.compile(r"://[^/\s]*@")


@dataclass(frozen=True)
class Job:
    """A driver that was submitted."""

    api: str
    id: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return bool(_client(self.api).get_job_status(self.id).is_terminal())

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return str(_client(self.api).get_job_logs(self.id))

    def stop(self) -> None:
        """End it."""
        _client(self.api).stop_job(self.id)

    def __str__(self) -> str:
        return f"Ray job {self.id} (its output: ray job logs {self.id})"


def job_api() -> str | None:
    """Where drivers can be submitted: RAY_API_SERVER_ADDRESS, or the dashboard of this machine, where it is the head of the cluster that
    RAY_ADDRESS names. None where there is none; `UserError` when the address that was given does not answer."""
    given = os.environ.get(API)
    if given:
        if not _answers(given):
            raise UserError(f"{API}={given}: no Ray dashboard answers there. Unset it, or correct it.")
        return given.rstrip("/")
    address = os.environ.get("RAY_ADDRESS", "")
    return DASHBOARD if address and (address == "auto" or is_here(address.rpartition(":")[0])) and _answers(DASHBOARD) else None


def submit(api: str, name: str, command: Sequence[str], folder: Path) -> Job:
    """Run `command` in `folder` of the head as the driver of sweep `name`. `UserError` when the cluster does not take it."""
    client = _client(api)
    taken = {job.submission_id for job in client.list_jobs()}
    own = f"gantune-{name}"
    id = next(id for id in (own, *(f"{own}-resumed-{number}" for number in range(1, len(taken) + 2))) if id not in taken)
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    if LOGIN.search(tracking):
        raise UserError(
            f"MLFLOW_TRACKING_URI={shown(tracking)} came with a login, which Ray would show to everybody who sees its jobs.\n"
            "Leave it out, and give the machines MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD before `ray start` "
            "(a data base's: ~/.pgpass)."
        )
    environment = {key: os.environ[key] for key in PASSED_ON if os.environ.get(key)}
    try:
        client.submit_job(
            entrypoint=f"cd {shlex.quote(str(folder))} && exec {shlex.join(command)}",
            submission_id=id,
            runtime_env={"env_vars": environment},
            metadata={"sweep": name},
        )
    except RuntimeError as error:
        raise UserError(f"the cluster did not take the driver as a Ray job: {str(error)[:300]}") from error
    return Job(api, id)


def _client(api: str) -> Any:
    logging.getLogger("ray").setLevel(logging.ERROR)
    with _named(api):  # Ray lets this and RAY_ADDRESS go before what its client is given
        return JobSubmissionClient(api)


@contextlib.contextmanager
def _named(api: str) -> Iterator[None]:
    before = os.environ.get(API)
    os.environ[API] = api
    try:
        yield
    finally:
        if before is None:
            del os.environ[API]
        else:
            os.environ[API] = before


def _answers(api: str) -> bool:
    try:
        urllib.request.urlopen(f"{api.rstrip('/')}/api/version", timeout=ANSWERS_WITHIN).close()
    except urllib.error.HTTPError:  # it wants a token, which Ray's client brings
        return True
    except (OSError, ValueError):
        return False
    return True

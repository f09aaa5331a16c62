"""Drivers as Ray jobs, with Ray's side played."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gantune.errors import UserError
from gantune.runtime import jobs
from gantune.runtime.jobs import API, job_api, submit


class Dashboard(BaseHTTPRequestHandler):
    """Answers that it is there, or that it wants a token."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *given: object) -> None:
        """Nothing."""


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a dashboard on this machine."""
    monkeypatch.delenv(API, raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with HTTPServer(("127.0.0.1", 0), Dashboard) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(jobs, "DASHBOARD", address)
        yield address
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("address", "here"), [("auto", True), ("127.0.0.1:6379", True), ("192.0.2.1:6379", False), ("", False)])
def test_jobs_go_to_the_dashboard_of_a_cluster_whose_head_this_is(
    dashboard: str, monkeypatch: pytest.MonkeyPatch, address: str, here: bool
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert job_api() == (dashboard if here else None)


def test_a_dashboard_that_wants_a_token_is_one(dashboard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dashboard, "status", 401)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert job_api() == dashboard


def test_an_address_that_was_given_must_answer(dashboard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API, dashboard + "/")
    assert job_api() == dashboard
    monkeypatch.setenv(API, "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"RAY_API_SERVER_ADDRESS=http://127.0.0.1:9: no Ray dashboard answers there"):
        job_api()


def test_without_a_dashboard_there_are_no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API, raising=False)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setattr(jobs, "DASHBOARD", "http://127.0.0.1:9")
    assert job_api() is None


def test_a_driver_runs_in_its_folder_under_a_name_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[dict[str, Any]] = []

    class Client:
        def list_jobs(self) -> list[Any]:
            return [SimpleNamespace(submission_id=job["submission_id"]) for job in taken] + [SimpleNamespace(submission_id=None)]

        def submit_job(self, **given: Any) -> None:
            taken.append(given)

    monkeypatch.setattr(jobs, "_client", lambda api: Client())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://10.0.0.1:5000")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    ids = [submit("http://h", "gan-1", ["python", "-m", "gantune", "sweep", "my gan"], Path("/shared/sub mitted")).id for _ in range(3)]
    assert ids == ["gantune-gan-1", "gantune-gan-1-resumed-1", "gantune-gan-1-resumed-2"]
    assert taken[0]["entrypoint"] == "cd '/shared/sub mitted' && exec python -m gantune sweep 'my gan'"
    environment = taken[0]["runtime_env"]["env_vars"]
    assert environment["MLFLOW_TRACKING_URI"] == "http://10.0.0.1:5000"
    assert "secret" not in str(taken), "everybody sees it on the dashboard"


def test_a_password_is_not_given_to_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_client", lambda api: SimpleNamespace(list_jobs=list))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@10.0.0.1:5000")
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI=http://10\.0\.0\.1:5000 .*\n.*MLFLOW_TRACKING_PASSWORD"):
        submit("http://h", "gan-1", ["gantune"], Path("/"))


def test_a_cluster_that_takes_no_job_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def list_jobs(self) -> list[Any]:
            return []

        def submit_job(self, **given: Any) -> None:
            raise RuntimeError("Request failed with status code 500: no agent")

    monkeypatch.setattr(jobs, "_client", lambda api: Client())
    with pytest.raises(UserError, match="did not take the driver as a Ray job: Request failed with status code 500: no agent"):
        submit("http://h", "gan-1", ["gantune"], Path("/"))


def test_the_address_is_given_to_ray_in_its_own_way_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr(jobs, "JobSubmissionClient", lambda api: seen.append(os.environ.get(API)))
    for before in (None, "http://other"):
        if before is None:
            monkeypatch.delenv(API, raising=False)
        else:
            monkeypatch.setenv(API, before)
        jobs._client("http://h")
        assert os.environ.get(API) == before
    assert seen == ["http://h", "http://h"]

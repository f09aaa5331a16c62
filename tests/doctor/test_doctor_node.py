"""What a machine says about itself, asked here."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import gantune
from gantune.doctor import cluster, node


class Server(HTTPServer):
    """Takes the Host header that it was told, as MLflow does."""

    allowed = "127.0.0.1"
    login: str | None = None


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        ok = self.headers["Host"].startswith(self.server.allowed) and self.path == "/api/2.0/mlflow/experiments/search"
        self.send_response(401 if self.headers["Authorization"] != self.server.login else 200 if ok else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def test_the_tracker_is_asked_by_its_api_so_that_a_refused_host_name_shows(server: Server) -> None:
    uri = f"http://127.0.0.1:{server.server_port}"
    assert node.ask_tracker(uri) == {"status": 200}
    server.allowed = "head"
    assert node.ask_tracker(f"{uri}/") == {"status": 403}
    assert node.ask_tracker(f"{uri}/users/me@work") == {"status": 403}, "that is no login"


def test_a_login_is_sent_as_mlflows_client_sends_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.login = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert node.ask_tracker(f"http://127.0.0.1:{server.server_port}") == {"status": 401}
    assert node.ask_tracker(f"http://me:p%40ss@127.0.0.1:{server.server_port}") == {"status": 200}
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "p@ss")
    assert node.ask_tracker(f"http://127.0.0.1:{server.server_port}") == {"status": 200}


def test_a_tracker_that_is_not_there_says_why() -> None:
    assert node.ask_tracker("http://127.0.0.1:abc")["status"] is None
    assert "refused" in node.ask_tracker("http://127.0.0.1:9")["error"]


def test_a_node_has_the_time_that_its_parts_may_take() -> None:
    worker_starts = 20.0
    assert worker_starts + node.TORCH_SECONDS + node.TRACKER_SECONDS <= cluster.SECONDS


def test_a_cluster_that_turned_tokens_on_by_itself_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def session() -> Iterator[None]:
        monkeypatch.setenv("RAY_AUTH_MODE", "token")  # as ray.init does where it finds ~/.ray/auth_token
        yield

    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ray_bootstrap_config.yaml").write_text("provider: {head_ip: 10.0.0.1, worker_ips: [10.0.0.2]}\nmin_workers: 1\n")
    monkeypatch.setattr(cluster, "session", session)
    monkeypatch.setattr(cluster, "alive", list)
    monkeypatch.setattr(cluster, "ask", lambda *given, **options: [])
    [nodes] = cluster.examine_cluster(tmp_path / "runs")
    assert nodes.mend.startswith("RAY_AUTH_MODE is token: a node without the cluster's token")


def test_versions_are_of_what_is_imported() -> None:
    found = node.versions()
    assert found["gantune"] == gantune.__version__
    assert len(found["code"]) == 12
    assert found["torch"]


def test_other_files_are_another_gantune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gantune"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(gantune, "__file__", str(package / "__init__.py"))
    before = node.versions()["code"]
    (package / "more.py").write_text("x = 1\n")
    assert node.versions()["code"] != before


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("print(2)", {"count": 2}),
        ("import time; time.sleep(9)", {"count": None, "error": "torch did not say within 0.3 s"}),
        ("raise OSError('libcuda.so is missing')", {"count": None, "error": "OSError: libcuda.so is missing"}),
        ("import os; print(os.environ.get('CUDA_VISIBLE_DEVICES', '8'))", {"count": 8}),
    ],
)
def test_gpus_are_counted_in_a_process_that_ray_hides_nothing_from(
    monkeypatch: pytest.MonkeyPatch, code: str, found: dict[str, object]
) -> None:
    monkeypatch.setattr(node, "COUNT_GPUS", code)
    monkeypatch.setattr(node, "TORCH_SECONDS", 0.3 if "sleep" in code else 10.0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # as Ray sets it for a task; the process around this one has none
    assert node.gpus() == found


def test_a_control_pipe_tells_that_mps_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert node.mps() == {"folder": str(tmp_path), "given": True, "runs": False}
    (tmp_path / "control").touch()
    assert node.mps()["runs"]


def test_free_space_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    free = node.free(str(tmp_path / "not" / "yet"))
    assert free is not None
    assert abs(free - (node.free(str(tmp_path)) or 0)) < 2**30

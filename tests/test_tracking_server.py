"""examples/tracking-server.sh, with small programs in place of PostgreSQL and MLflow."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "examples" / "tracking-server.sh"
MLFLOW = f"""#!{sys.executable}
import http.server, sys

class Api(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()

http.server.HTTPServer(("0.0.0.0", int(sys.argv[sys.argv.index("--port") + 1])), Api).serve_forever()
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="heads are Linux")


class Head:
    """A home folder with the script at a port of its own, and the programs that it calls."""

    def __init__(self, home: Path) -> None:
        self.place, self._bin, self._home = home / "gantune-tracking", home / "bin", home
        self._bin.mkdir()
        for name, text in {"id": "echo 1000", "mlflow": "", **dict.fromkeys(("initdb", "psql", "pg_ctl", "pg_isready"), "true")}.items():
            (self._bin / name).write_text(f"#!/bin/sh\n{text}\n" if text else MLFLOW)
            (self._bin / name).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        shipped = SCRIPT.read_text()
        assert shipped.count("port=5000\n") == 1
        (home / "server.sh").write_text(shipped.replace("port=5000\n", f"port={self.port}\n"))

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        path = f"{self._bin}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"HOME": str(self._home), "PATH": path}
        return subprocess.run(["bash", self._home / "server.sh", *words], env=environment, capture_output=True, text=True, timeout=60)

    def running(self) -> list[bytes]:
        """The command line of what was started; empty when it has ended."""
        pid = (self.place / "mlflow.pid").read_text().strip()
        file = Path("/proc", pid, "cmdline")
        return file.read_bytes().split(b"\0") if file.exists() else []


@pytest.fixture
def head(tmp_path: Path) -> Iterator[Head]:
    made = Head(tmp_path)
    yield made
    made("stop")


def test_a_second_start_leaves_it_alone_and_another_place_of_artifacts_does_not(head: Head, tmp_path: Path) -> None:
    assert head("start", str(tmp_path / "a")).returncode == 0
    first = (head.place / "mlflow.pid").read_text()
    assert head("start", str(tmp_path / "a")).returncode == 0
    assert (head.place / "mlflow.pid").read_text() == first
    done = head("start", "s3://bucket/b")
    assert done.returncode == 0, done.stderr
    assert (head.place / "mlflow.pid").read_text() != first
    assert b"s3://bucket/b" in head.running()
    assert head("stop").returncode == 0
    assert not (head.place / "mlflow.pid").exists()


def test_another_program_at_the_port_is_not_taken_for_it(head: Head, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", head.port)):
        done = head("start", str(tmp_path / "a"))
    assert done.returncode == 1
    assert f"port {head.port} is taken by a program that was not started here" in done.stderr
    assert not (head.place / "mlflow.pid").exists()

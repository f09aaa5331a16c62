"""From the laptop to the head and back: shipped, driven there, left, come back to, read; once with a real Ray that takes it as a job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laptops import HERE, Laptop

sys.path.insert(0, str(HERE.parent / "runtime"))

from processes import processes

from gantune.tracking.lock import driver_of

SWEEP = """
family: ./mine.py:Mine
space: {space}
data: ring8
fixed: {{hidden: 16, layers: 1, latent_dim: 4, batch: 50}}
budget: {{trials: 4, kimg: 4, report_every: 0.5}}
finalists: {{top: 0}}
score: {{n: 500}}
metrics: {{n_fake: 300}}
"""
CODE = "from gantune.families.gan import GAN\nfrom gantune.families import gan\n\n\nclass Mine(GAN):\n    name = 'mine'\n"


@pytest.fixture(
    params=[pytest.param("process", marks=pytest.mark.slow), pytest.param("job", marks=pytest.mark.cluster)],
)
def kind(request: pytest.FixtureRequest, laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How the head drives: as a process with a Ray of its own, or as a job of the Ray that runs there."""
    laptop.has_run_ray_up()
    monkeypatch.setenv("LAPTOP_TMP", str(laptop.temporary))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    (laptop.folder / "sweeps").mkdir()
    (laptop.folder / "sweeps" / "mine.yaml").write_text(SWEEP.format(space="./space.yaml"))
    (laptop.folder / "sweeps" / "space.yaml").write_text("lr_g: {log: [1e-4, 1e-2]}\n")
    (laptop.folder / "sweeps" / "mine.py").write_text(CODE)
    with ray_head(laptop.place / "home", monkeypatch) if request.param == "job" else contextlib.nullcontext():
        try:
            yield request.param
        finally:
            end_drivers(laptop.place / "shared" / "runs")


@contextlib.contextmanager
def ray_head(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray with its dashboard, at ports and in a folder of its own."""
    port, dashboard, agent, client = free_ports(4)
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        ports = [f"--port={port}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"]
        ports.append(f"--ray-client-server-port={client}")
        resources = ["--num-cpus=2", "--object-store-memory=100000000", f"--temp-dir={folder}", "--node-ip-address=127.0.0.1"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats", *ports, *resources]
        environment = os.environ | {"HOME": str(home)}  # a token in ours, left by some Ray, would turn authentication on
        process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen: set[int] = set()
        try:
            api = f"http://127.0.0.1:{dashboard}"
            wait_for(lambda: answers(f"{api}/api/jobs/"), 240)
            monkeypatch.setenv("STANDIN_RAY_ADDRESS", f"127.0.0.1:{port}")
            monkeypatch.setenv("RAY_API_SERVER_ADDRESS", api)
            yield
        finally:
            seen |= descendants(process.pid)
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            for pid in [*seen, process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(10)
            time.sleep(0.5)


def end_drivers(runs: Path) -> None:
    """What a failed test left running."""
    for folder in runs.glob("*/driver.lock"):
        driver = driver_of(folder.parent)
        if driver is not None:
            os.kill(driver["pid"], signal.SIGTERM)
            wait_for(lambda folder=folder: driver_of(folder.parent) is None, 60)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [opened.getsockname()[1] for opened in sockets]


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True


def wait_for(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def descendants(pid: int) -> set[int]:
    table, found = processes(), {pid}
    while more := {child for child, (parent, _) in table.items() if parent in found} - found:
        found |= more
    return found - {pid}


def gantune(*words: str) -> subprocess.Popen[str]:
    """On the laptop, in a pipe."""
    command = [sys.executable, str(HERE / "laptop.py"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(*words: str) -> str:
    """What it prints, to its end."""
    out, errors = gantune(*words).communicate(timeout=240)
    assert errors == "", (out, errors)
    return out


@pytest.mark.timeout(600)
def test_a_sweep_is_left_and_come_back_to(kind: str, laptop: Laptop) -> None:
    process = gantune("sweep", "mine", "--trials", "3")
    assert process.stdout is not None
    assert process.stdout.readline() == "mine runs on cluster lab (head 10.77.0.10)\n"
    begun = process.stdout.readline()
    assert begun.startswith(f"mine-1 has begun there as {'Ray job gantune-mine-1' if kind == 'job' else 'process '}"), process.communicate()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "detached: mine-1 keeps running on cluster lab (head 10.77.0.10). Follow it: gantune attach mine-1" in out
    assert errors == ""

    followed = said("attach", "mine-1")
    assert followed.splitlines()[0] in ("[mine-1] search", "[mine-1] score", "[mine-1] done"), "wherever it is by then"
    assert followed.endswith("Browse: gantune ui mine-1    Details: gantune show mine-1\n")
    shown = json.loads(said("show", "mine", "--json"))
    assert shown["status"] == "complete"
    assert len(shown["trials"]) == 3
    folder = laptop.place / "shared" / "runs" / "mine-1"
    assert (folder / "code" / "mine.py").read_text() == CODE
    assert not (laptop.folder / "runs").exists()

    assert said("report", "mine-1").splitlines()[0] == "runs/report-mine-1/index.html"
    assert (laptop.folder / "runs" / "report-mine-1" / "index.html").is_file()

    more = json.loads(said("resume", "mine-1", "--trials", "+1", "--detach", "--json"))
    assert more.get("job") == ("gantune-mine-1-resumed-1" if kind == "job" else None)
    said("attach")
    [one] = json.loads(said("ls", "--json"))
    assert (one["status"], one["trials"]) == ("complete", 4)

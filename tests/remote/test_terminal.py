"""A verb that the head runs and this machine's terminal shows, with Ctrl-C and a broken connection; ssh is played, the rest is real."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from laptops import HERE, Laptop

sys.path.insert(0, str(HERE.parent / "runtime"))

from driver import spec
from processes import processes

from gantune.tracking.lock import driver_lock
from gantune.tracking.spool import Spool
from gantune.tracking.store import freeze

pytestmark = pytest.mark.slow  # each starts gantune twice: here and there
NOISE = (b"Fetched IP", b"a login shell greets", b"Shared connection", b"\x1e", b"Command failed")


@dataclass
class Terminal:
    """A terminal on which a laptop's gantune runs."""

    words: list[str]
    seen: bytes = b""
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.leader, follower = pty.openpty()
        command = [sys.executable, str(HERE / "laptop.py"), *self.words]
        self.process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, start_new_session=True, close_fds=True)
        os.close(follower)

    def until(self, text: bytes, seconds: float = 60.0) -> None:
        """Read until `text` is on it."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen.decode(errors="replace")
            if select.select([self.leader], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):  # the other side is closed
                    self.seen += os.read(self.leader, 65536)

    def type(self, keys: bytes) -> None:
        """As a person does."""
        os.write(self.leader, keys)

    def close(self) -> None:
        """Gone, with what is left on it."""
        for pid in [*family(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        os.close(self.leader)


def family(pid: int) -> set[int]:
    """The descendants of a process."""
    table, found = processes(), {pid}
    while more := {child for child, (parent, _) in table.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.fixture
def sweep(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One that is driven on the head."""
    laptop.has_run_ray_up()
    monkeypatch.setenv("LAPTOP_TMP", str(laptop.temporary))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS")
    folder = laptop.place / "shared" / "runs" / "synthetic-1"
    folder.mkdir(parents=True)
    freeze(folder, spec(trials=2, top=0).to_json())
    setting = {name: {"lr_g": 1e-3, "k": 1} for name in ("params", "values")}
    with driver_lock(folder), Spool(folder) as spool:
        spool.append("driver", segment=1, pid=1, host="head", slots=2, trials=2)
        spool.append("trial", trial="0000", number=0, origin="canonical", note=None, **setting)
        spool.append("report", trial="0000", point={"kimg": 8.0, "fid": 12.34, "d_loss": 0.6, "seconds": 1.0})
        yield folder


def test_the_table_of_the_head_is_drawn_here_and_ctrl_c_detaches(sweep: Path) -> None:
    terminal = Terminal(["attach", "synthetic"])
    try:
        terminal.until(b"12.34")
        with (sweep / "spool.jsonl").open("a") as spool:
            spool.write('{"kind":"report","t":1,"trial":"0000","point":{"kimg":12.0,"fid":11.99,"d_loss":0.6,"seconds":2.0}}\n')
        terminal.until(b"11.99")
        terminal.type(b"\x03")
        terminal.until(b"detached: synthetic-1 keeps running. Follow it: gantune attach synthetic-1")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()
    for noise in NOISE:
        assert noise not in terminal.seen


@pytest.mark.parametrize("on_terminal", [True, False], ids=["terminal", "pipe"])
def test_a_broken_connection_leaves_the_sweep_running_and_is_told(sweep: Path, laptop: Laptop, on_terminal: bool) -> None:
    said = b"connection to cluster lab (head 10.77.0.10) was lost; synthetic goes on. Come back: gantune attach synthetic"
    if on_terminal:
        terminal = Terminal(["attach", "synthetic"])
        try:
            terminal.until(b"12.34")
            cut(terminal.process.pid)
            terminal.until(said)
            assert terminal.process.wait(30) == 1
        finally:
            terminal.close()
        return
    command = [sys.executable, str(HERE / "laptop.py"), "attach", "synthetic"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"[synthetic-1] search\n"
        cut(process.pid)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said in errors


def cut(pid: int) -> None:
    """Kill the program that stands in for Ray's ssh."""
    standing = [child for child in family(pid) if b"standin_ray" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert standing
    for child in standing:
        os.kill(child, signal.SIGKILL)


def test_json_from_the_head_is_json_here(sweep: Path) -> None:
    command = [sys.executable, str(HERE / "laptop.py"), "show", "synthetic", "--json"]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert json.loads(done.stdout)["sweep"] == "synthetic-1"
    assert done.stderr == b""
    done = subprocess.run([*command[:-2], "nowhere"], capture_output=True, timeout=120)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"gantune: there is no sweep 'nowhere'")

"""A disk that fills up in the middle of a sweep: the spool's, or the checkpoints'. With room again, a resume makes the sweep whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from accounts import Counts, assert_accounted
from mlflow_stores import uri_of
from processes import HERE, DriverProcess, events

from gantune.tracking.record import SweepRecord

SIZE = "16m"


def can_mount() -> bool:
    """Whether this process may have mounts of its own."""
    return bool(shutil.which("unshare")) and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not can_mount(), reason="only root may mount a small disk"),
]


class SmallDisk:
    """A disk of 16 MiB at `path`, in a mount namespace of its own, of which nothing is left when it is closed."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True)
        mount = f"mount -t tmpfs -o size={SIZE} small {path} && echo ready && exec sleep infinity"
        self._holder = subprocess.Popen(["unshare", "-m", "sh", "-c", mount], stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        self._path = path

    def seen(self, path: Path) -> Path:
        """A path as the processes inside have it, from outside."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def command(self, folder: Path, *flags: str) -> list[str]:
        """A driver inside."""
        return ["nsenter", "-t", str(self._holder.pid), "-m", "--", sys.executable, str(HERE / "driver.py"), str(folder), *flags]

    def fill(self) -> None:
        """Not a byte is left."""
        with (self.seen(self._path) / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                return

    def empty(self) -> None:
        """As it was."""
        (self.seen(self._path) / "filler").unlink()

    def close(self) -> None:
        """Gone with all that is on it."""
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()


@pytest.fixture
def disk_at() -> Iterator[Callable[[Path], SmallDisk]]:
    """Makes small disks."""
    made: list[SmallDisk] = []

    def make(path: Path) -> SmallDisk:
        made.append(SmallDisk(path))
        return made[-1]

    yield make
    for disk in made:
        disk.close()


def test_a_full_disk_of_the_spool_halts_the_sweep_with_a_message(
    tmp_path: Path, empty_store: Path, start: Callable[..., DriverProcess], disk_at: Callable[[Path], SmallDisk]
) -> None:
    runs = tmp_path / "runs"
    disk, folder, store = disk_at(runs), runs / "synthetic-1", uri_of(tmp_path)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    seen = disk.seen(folder)
    driver = start(seen, command=disk.command(folder), cwd=tmp_path, seconds=0.5)
    driver.wait_for(3, "end")
    disk.fill()
    before = Counts.of(seen)
    assert driver.process.wait(60) == 1, "nobody asked it to stop"
    assert driver.process.stdout is not None
    words = driver.process.stdout.read()
    assert "No space left on device" in words  # the spool's, or that of the checkpoints beside it: whichever is written first
    assert "synthetic-1 stopped. Go on with: gantune resume synthetic-1" in words
    assert "Traceback" not in words
    assert not driver.leftovers()
    disk.empty()
    again = start(seen, command=disk.command(folder, "--resume"), cwd=tmp_path, seconds=0.05)
    again.finish()
    assert_accounted(seen, store, before)


def test_a_full_disk_of_the_checkpoints_costs_no_trial(
    folder: Path, start: Callable[..., DriverProcess], disk_at: Callable[[Path], SmallDisk]
) -> None:
    disk = disk_at(folder / "trials")
    seen = disk.seen(folder)
    driver = start(seen, command=disk.command(folder), cwd=folder.parent, seconds=0.5)
    driver.wait_for(9, "end")  # of twelve: each that is left costs several workers
    disk.fill()
    before = Counts.of(seen)
    words = ""
    if driver.process.wait(300) != 0:  # halted, rather than done with what it could do
        assert driver.process.stdout is not None
        words = driver.process.stdout.read()
        assert "Traceback" not in words
    told = [*(str(trial.evidence) for trial in SweepRecord.load(seen).trials if trial.reason == "infra"), words]
    assert any("No space left on device" in text for text in told), told
    disk.empty()
    again = start(seen, command=disk.command(folder, "--resume"), cwd=folder.parent, seconds=0.05)
    again.finish()
    assert_accounted(seen, uri_of(folder.parent), before)
    assert len([event for event in events(seen) if event["kind"] == "driver"]) == 2

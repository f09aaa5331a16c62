"""What killed processes leave, and that only that is removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gantune.runtime import orphans
from gantune.runtime.orphans import remove_orphans

KILLED = """
import os, signal, sys
from pathlib import Path
from gantune.training import checkpoint
checkpoint.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
checkpoint.save(Path(sys.argv[1]), {"a": 1})
"""


def test_a_kill_between_writing_and_renaming_leaves_what_the_next_driver_removes(tmp_path: Path) -> None:
    place = tmp_path / "trials" / "0001"
    place.mkdir(parents=True)
    (place / "last.pt").write_bytes(b"whole")
    done = subprocess.run([sys.executable, "-c", KILLED, str(place / "last.pt")], cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    assert len(list(place.iterdir())) == 2
    assert remove_orphans(tmp_path) is None
    assert [path.name for path in place.iterdir()] == ["last.pt"]
    assert (place / "last.pt").read_bytes() == b"whole"


def test_only_partial_files_of_processes_that_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grids = tmp_path / "finalists" / "canonical-s1000" / "grids"
    grids.mkdir(parents=True)
    (tmp_path / "report").mkdir()
    gone = [tmp_path / ".sweep.json.4000001", grids / ".kimg_000004.png.4000001", grids.parent / ".generator.safetensors.4000001"]
    gone += [grids.parent / ".tmpAb3_xY", tmp_path / "report" / ".index.html.4000001"]
    kept = [tmp_path / f".tracking.json.{os.getpid()}", tmp_path / ".stop.lock", tmp_path / "spool.jsonl", grids / "kimg_000004.png"]
    kept += [tmp_path / ".mlflow-replay.lock", tmp_path / "driver.lock", tmp_path / "trial.4000001"]
    for path in [*gone, *kept]:
        path.touch()
    (tmp_path / ".shared-0123").mkdir()
    remove_orphans(tmp_path)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert not (tmp_path / ".shared-0123").exists()


def test_many_bytes_are_worth_a_note_and_a_hard_link_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "WORTH_A_NOTE", 1000)
    (tmp_path / "best.pt").write_bytes(bytes(5000))
    os.link(tmp_path / "best.pt", tmp_path / ".best.pt.4000001")
    assert remove_orphans(tmp_path) is None
    for number in (1, 2):
        (tmp_path / f".best.pt.400000{number}").write_bytes(bytes(600))
    assert remove_orphans(tmp_path) == "removed 2 partial files (0 MB) that killed processes had left"

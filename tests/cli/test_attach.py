"""Coming back to a sweep: its table until it is done, what happened otherwise, and Ctrl-C that leaves it alone."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

from driver import spec

from gantune import cli
from gantune.cli import driving
from gantune.cli.background import _reason
from gantune.errors import UserError
from gantune.remote.far import AFAR
from gantune.tracking.lock import driver_lock
from gantune.tracking.spool import Spool
from gantune.tracking.store import freeze

SETTING = {"params": {"lr_g": 1e-3, "k": 1}, "values": {"lr_g": 1e-3, "k": 1}, "note": None}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep that has begun."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(driving, "PAUSE", 0.02)
    folder = tmp_path / "runs" / "synthetic-1"
    folder.mkdir(parents=True)
    freeze(folder, spec(trials=2, top=0).to_json())
    with Spool(folder) as spool:
        spool.append("driver", segment=1, pid=os.getpid(), host="here", slots=2, trials=2)
        spool.append("trial", trial="0000", number=0, origin="canonical", **SETTING)
    return folder


@contextmanager
def driven(folder: Path, steps: list[dict[str, Any]], *, report: bool = True, hold: bool = False) -> Iterator[None]:
    """Another thread that holds the sweep's lock, writes events, and lets go; with `hold` not before the context ends."""
    held, over = threading.Event(), threading.Event()

    def drive() -> None:
        with driver_lock(folder), Spool(folder) as spool:
            held.set()
            for step in steps:
                time.sleep(0.05)
                spool.append(**step)
            assert not hold or over.wait(60)
        if report:
            (folder / "report").mkdir()
            (folder / "report" / "index.html").touch()

    thread = threading.Thread(target=drive)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join()


POINT = {"kind": "report", "trial": "0000", "point": {"kimg": 20.0, "fid": 30.0, "d_loss": 0.5, "seconds": 1.0}}
END = {"kind": "end", "trial": "0000", "state": "complete", "reason": "budget", "evidence": "to its end"}
PHASES = [{"kind": "phase", "phase": phase, "seconds": 0.1} for phase in ("search", "score", "done")]


def test_a_running_sweep_is_shown_until_it_is_done_and_summed_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with driven(folder, [POINT, END, *PHASES]):
        assert cli._run(["attach", "synthetic"], debug=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "0000 *  complete  20 kimg  FID 30.00  d_loss 0.500 (-0.193)  budget (to its end)" in lines
    assert lines.index("[synthetic-1] search") < lines.index("[synthetic-1] done")
    assert lines[-2] == "Report: runs/synthetic-1/report/index.html"
    assert lines[-1] == "Browse: gantune ui synthetic-1    Details: gantune show synthetic-1"


@pytest.mark.parametrize("flag", ["", "--cluster examples/cluster-onprem.yaml"])
def test_who_sits_elsewhere_is_told_how_to_fetch_the_report(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    monkeypatch.setenv(AFAR, flag)
    with driven(folder, [POINT, END, *PHASES]):
        assert cli._run(["attach", "synthetic"], debug=True) == 0
    assert capsys.readouterr().out.splitlines()[-2] == f"Report: gantune report synthetic-1 {flag}".rstrip()


def test_a_driver_that_is_gone_ends_it_with_the_command_that_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with driven(folder, [POINT], report=False):
        assert cli._run(["attach"], debug=True) == 1
    said = "gantune: synthetic-1 has no driver any more: it was killed, or its machine is gone. Go on with: gantune resume synthetic-1"
    assert capsys.readouterr().err.strip() == said
    stopped = {"kind": "user", "trial": None, "what": "stop", "why": "stopped by SIGTERM"}
    with driven(folder, [stopped], report=False):
        assert cli._run(["attach", "--runs", str(folder.parent)], debug=True) == 1
    assert "synthetic-1 was stopped (stopped by SIGTERM). Go on with: gantune resume synthetic-1\n" in capsys.readouterr().err


def test_ctrl_c_leaves_the_sweep_alone(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    with driven(folder, [POINT], report=False, hold=True):
        with monkeypatch.context() as patch:
            patch.setattr(driving, "time", SimpleNamespace(sleep=interrupted))
            assert cli._run(["attach"], debug=True) == 0
        assert "detached: synthetic-1 keeps running. Follow it: gantune attach synthetic-1" in capsys.readouterr().out
        with pytest.raises(UserError, match="is being run"), driver_lock(folder):
            pass


def test_what_is_said_about_other_folders_names_them(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert driving.again("resume", folder) == "gantune resume synthetic-1"
    assert driving.again("resume", tmp_path / "else" / "a-1") == f"gantune resume a-1 --runs {tmp_path}/else"
    monkeypatch.setenv("GANTUNE_RUNS", str(tmp_path / "else"))
    assert driving.again("resume", tmp_path / "else" / "a-1") == "gantune resume a-1"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("note\ngantune: no such folder.\nGive another.", "no such folder.\nGive another."),
        ("gantune: taken.", "taken."),
        ("Killed", "the sweep did not begin: Killed"),
    ],
)
def test_a_driver_that_did_not_begin_says_why(said: str, reason: str) -> None:
    assert _reason(said) == reason


def test_json_is_for_what_was_started_in_the_background(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._run(["sweep", "gan", "--json"], debug=False) == 2
    assert "give --detach" in capsys.readouterr().err


def test_that_nothing_runs_is_said_before_the_latest_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "no sweep is running in runs (one that starts is seen after some seconds); the latest is synthetic-1"
    assert cli._run(["attach", "--local"], debug=False) == 1
    assert said in capsys.readouterr().out
    assert cli._run(["attach", "synthetic-1", "--local"], debug=False) == 1
    assert said not in capsys.readouterr().out
    with driven(folder, [{"kind": "phase", "phase": "done", "seconds": 1.0}]):
        assert cli._run(["attach", "--local"], debug=False) in (0, 1)
    assert said not in capsys.readouterr().out

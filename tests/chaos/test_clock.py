"""The wall clock set an hour forward and back in the middle of a sweep, for everything of it: driver, Ray, workers and writer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from accounts import Counts, assert_accounted
from mlflow_stores import uri_of
from processes import HERE, DriverProcess, events

from gantune import steady
from gantune.runtime.director import Book
from gantune.runtime.ledger import Ledger
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import Spool, read

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], max(0.0, seconds)) and None
"""  # the library cannot sleep to a moment of the clock that it leaves alone


def test_no_time_passes_in_a_sweep_when_the_wall_clock_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, wall = Ledger("fid", "min", 1), time.time
    with Spool(tmp_path) as spool:
        book = Book(spool, ledger, steady.now)
        book.append("driver", segment=1)
        for jump in (3600.0, -3600.0):
            monkeypatch.setattr(time, "time", lambda jump=jump: wall() + jump)
            book.append("user", trial=None, what="look")
    again = Ledger("fid", "min", 1).apply_all(read(tmp_path))
    assert 0.0 < ledger.search_seconds < 60.0
    assert 0.0 < again.search_seconds < 60.0, "nor for a driver that reads it later"


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.skipif(LIBRARY is None, reason="needs Debian's libfaketime")
def test_an_hour_forward_and_back_costs_a_sweep_nothing(folder: Path, start: Callable[..., DriverProcess], tmp_path: Path) -> None:
    offset, site = tmp_path / "offset", tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SLEEP)
    offset.write_text("+0")
    driver = start(
        folder,
        *("--hours", "0.5"),
        seconds=0.7,
        LD_PRELOAD=str(LIBRARY),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",  # as a clock that is set leaves it
        PYTHONPATH=os.pathsep.join([str(HERE.parents[1]), str(HERE), str(site)]),
    )
    driver.wait_for(2, "end")
    before = Counts.of(folder)
    offset.write_text("+3600")
    driver.wait_for(before.ended + 3, "end")
    offset.write_text("-3600")
    driver.finish(300)
    assert_accounted(folder, uri_of(folder.parent), before)
    times = [event["t"] for event in events(folder)]
    assert times == sorted(times)
    assert times[-1] - times[0] < 600
    assert not [event for event in events(folder) if "cut" in event], "nobody was told that half an hour was over"
    assert SweepRecord.load(folder).phases[0]["seconds"] < 600

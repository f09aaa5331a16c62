"""SIGTERM and Ctrl-C leave a resumable sweep within five seconds, whatever it is in the middle of."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from accounts import Counts, assert_accounted, wait_until
from mlflow_stores import uri_of
from processes import DriverProcess, events, opened

LONG = 60.0  # seconds of a step, which nobody may wait for
LIMIT = 5.0


def end(driver: DriverProcess, number: signal.Signals, code: int = 130) -> str:
    """The driver's last words, in time and with nobody left behind."""
    driver.look()
    asked = time.monotonic()
    os.kill(driver.process.pid, number)
    ended = driver.process.wait(30)
    took = time.monotonic() - asked
    assert driver.process.stdout is not None
    words = driver.process.stdout.read()
    assert ended == code, words
    assert took < LIMIT, f"{took:.1f} s"
    assert not driver.leftovers()
    return words


@pytest.mark.chaos
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_middle_of_a_long_step_of_training(folder: Path, start: Callable[..., DriverProcess], number: signal.Signals) -> None:
    driver = start(folder, seconds=0.3)
    driver.wait_for(8, "report")
    driver.kill_group()
    earlier = len(opened(folder))
    driver = start(folder, "--resume", seconds=LONG)
    wait_until(lambda: len(opened(folder)) >= earlier + 2)  # one that was about to end ends at once, and another begins
    time.sleep(1)  # into the step
    before = Counts.of(folder)
    assert f"{number.name}: synthetic-1 stopped. Go on with: gantune resume synthetic-1" in end(driver, number)
    start(folder, "--resume", seconds=0.02).finish()
    assert_accounted(folder, uri_of(folder.parent), before)


@pytest.mark.chaos
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_middle_of_a_finalists_long_step(folder: Path, start: Callable[..., DriverProcess], number: signal.Signals) -> None:
    driver = start(folder, seconds=0.02, SYNTHETIC_FINAL_SECONDS=str(LONG))
    driver.wait_for(12, "score")
    wait_until(lambda: sum("-s" in name for name in opened(folder)) >= 2)
    time.sleep(1)
    before = Counts.of(folder)
    assert f"{number.name}: synthetic-1 stopped. Go on with: gantune resume synthetic-1" in end(driver, number)
    assert not [event for event in events(folder) if event["kind"] == "final"]
    start(folder, "--resume", seconds=0.02).finish()
    assert before.reports == Counts.of(folder).reports, "the search was over"
    assert len([event for event in events(folder) if event["kind"] == "final"]) == 4


@pytest.mark.chaos
def test_while_it_waits_for_a_store_that_is_gone(folder: Path, start: Callable[..., DriverProcess]) -> None:
    driver = start(folder, seconds=0.02, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    wait_until(lambda: any(event.get("phase") == "done" for event in events(folder)), 120)
    time.sleep(1)
    assert "done 12 trials" in end(driver, signal.SIGTERM, code=0), "all is trained and scored"
    assert (folder / "report" / "index.html").is_file()

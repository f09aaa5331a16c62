"""Requests to stop, and what of them outlives a driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantune.runtime.stopping import Halt, StopRequests, request_stop


def test_a_trial_that_shall_stop_stops_under_the_next_driver_and_the_sweep_does_not(tmp_path: Path) -> None:
    first = StopRequests(tmp_path, every=0)
    request_stop(tmp_path, "0003")
    request_stop(tmp_path)
    with pytest.raises(Halt, match="gantune stop"):
        first.poll()
    again = StopRequests(tmp_path, every=0)
    again.poll()
    assert again.sweep is None
    assert again.wants_end("0003")
    assert not again.wants_end("0004")


def test_what_a_power_cut_has_left_of_a_request_stops_no_resume(tmp_path: Path) -> None:
    (tmp_path / "stop.json").write_text("")
    StopRequests(tmp_path, every=0).poll()
    assert not (tmp_path / "stop.json").exists()

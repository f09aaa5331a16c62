"""Two drivers on one sweep: the second is refused, and the first none the worse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from accounts import Counts, assert_accounted
from mlflow_stores import uri_of
from processes import DriverProcess


@pytest.mark.chaos
def test_neither_a_start_nor_a_resume_gets_between(folder: Path, start: Callable[..., DriverProcess]) -> None:
    first = start(folder, seconds=4.0)
    first.wait_for(4, "report")
    before = Counts.of(folder)
    for flags in ((), ("--resume",)):
        second = start(folder, *flags)
        assert second.process.wait(120) != 0
        assert second.process.stdout is not None
        assert f"sweep synthetic-1 is being run by process {first.process.pid} on " in second.process.stdout.read()
        assert first.process.poll() is None, "it ended too soon to show anything"
    first.finish()
    assert_accounted(folder, uri_of(folder.parent), before)

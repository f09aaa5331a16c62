"""The circuit breaker: it stops what can only fail, and nothing else."""

from __future__ import annotations

import pytest

from gantune.runtime.breaker import Breaker, alike

ERROR = "FileNotFoundError: /data/{} has no picture (folder.py, line {})"


def test_errors_are_alike_but_for_numbers_and_paths() -> None:
    assert alike(ERROR.format("a/b", 12)) == alike(ERROR.format("c", 345))
    assert alike("size 3.5e-4 at 0x7f3a") == alike("size 12 at 0x11")
    assert alike("ValueError: beta1") != alike("ValueError: beta2"), "a name is no number"
    assert alike("ValueError: no") != alike("KeyError: no")


@pytest.mark.parametrize(("slots", "trials", "wanted"), [(1, 16, 3), (2, 16, 3), (5, 16, 5), (64, 1000, 8), (4, 2, 2), (4, 1, 1)])
def test_as_many_errors_alike_as_there_are_slots_stop_the_sweep(slots: int, trials: int, wanted: int) -> None:
    breaker = Breaker(slots, trials)
    told = [breaker.ended(f"{number:04d}", ERROR.format(number, number)) for number in range(wanted)]
    assert told[:-1] == [None] * (wanted - 1)
    assert told[-1] is not None
    assert ERROR.format(wanted - 1, wanted - 1) in told[-1]
    assert breaker.trials == [f"{number:04d}" for number in range(wanted)]


def test_trials_that_fail_differently_go_on() -> None:
    breaker = Breaker(1, 16)
    breaker.ended("0000", "ValueError: a")
    breaker.ended("0001", "KeyError: b")
    assert [breaker.ended(f"{number:04d}", "ValueError: a") for number in range(2, 9)] == [None] * 7


def test_one_report_or_another_end_is_enough_to_go_on() -> None:
    reported, ended = Breaker(1, 16), Breaker(1, 16)
    reported.reported("0000")
    ended.ended("0000", None)
    for number in range(1, 9):
        assert reported.ended(f"{number:04d}", "ValueError: a") is None
        assert ended.ended(f"{number:04d}", "ValueError: a") is None


def lose(breaker: Breaker, *trials: str) -> list[str | None]:
    told = []
    for trial in trials:
        breaker.started(trial)
        told.append(breaker.lost(trial, "ModuleNotFoundError: No module named 'gantune'"))
    return told


def test_workers_that_die_in_a_row_before_they_report_stop_the_sweep() -> None:
    told = lose(Breaker(2, 16), "0000", "0001", "0000")
    assert told[:2] == [None, None]
    assert (
        told[2]
        == "3 workers in a row died before they reported anything, so the sweep stops: ModuleNotFoundError: No module named 'gantune'"
    )


def test_one_trial_that_kills_its_workers_stops_no_sweep_of_several() -> None:
    assert lose(Breaker(1, 16), *["0000"] * 9) == [None] * 9
    assert lose(Breaker(1, 1), *["0000"] * 3)[-1] is not None


def test_workers_that_had_reported_and_deaths_apart_do_not_count() -> None:
    breaker = Breaker(1, 16)
    for trial in ("0000", "0001", "0002", "0003"):
        breaker.started(trial)
        breaker.reported(trial)
    assert [breaker.lost(trial, "node lost") for trial in ("0000", "0001", "0002", "0003")] == [None] * 4
    lose(breaker, "0000", "0001")
    breaker.reported("0002")
    assert lose(breaker, "0000", "0001") == [None, None]


def test_what_earlier_drivers_proved_holds_and_the_last_trial_may_fail_alone() -> None:
    breaker = Breaker(4, 1, proven=True)
    assert breaker.ended("0099", ERROR.format(1, 1)) is None


def test_workers_may_die_while_one_that_has_reported_runs() -> None:
    breaker = Breaker(1, 16)
    breaker.started("0000")
    breaker.reported("0000")
    assert lose(breaker, *["0001", "0002"] * 4) == [None] * 8, "a machine that came late may lack something"
    breaker.started("0000")  # it was lost with its node, and is silent again
    assert lose(breaker, "0003")[-1] is not None

"""The director without Ray: who is handed out, what is written down, what stops whom."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gantune.errors import UserError
from gantune.runtime.book import Book, Limits
from gantune.runtime.director import Director
from gantune.runtime.ledger import Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.pruning import Asha
from gantune.runtime.replaying import replay
from gantune.runtime.stopping import Halt, StopRequests, request_stop
from gantune.tracking.spool import Spool, read


class Told:
    """A search that counts, and remembers what it was told."""

    def __init__(self, size: int = 99, first: int = 0) -> None:
        self.asked, self.size, self.told, self.reports = first, size, [], []

    def ask(self) -> Any:
        self.asked += 1
        return SimpleNamespace(number=self.asked - 1, params={"lr_g": self.asked}, note=None) if self.asked <= self.size else None

    def report(self, number: int, kimg: float, value: float | None) -> None:
        self.reports.append((number, kimg, value))

    def tell(self, number: int, reason: str, value: float | None = None) -> str:
        self.told.append((number, reason, value))
        return ""


class Stage:
    """A director in a folder, with a clock that the test moves."""

    def __init__(
        self,
        folder: Path,
        *,
        trials: int = 4,
        slots: int = 2,
        search: Told | None = None,
        limits: Limits | None = None,
        settle: Any = dict,
        canonical: int = 1,
        **resources: Any,
    ) -> None:
        self.now = 100.0
        self.ledger = Ledger("fid", "min", trials)
        pruner = Asha(mode="min", kimg=20, grace=4, reduction=3)
        self.pending, _ = replay(read(folder), self.ledger, pruner)
        self.search = search or Told(first=len(self.ledger.trials))
        self.stops = StopRequests(folder, every=0)
        self.live = LiveState("x")
        self.book = Book(Spool(folder), self.ledger, lambda: self.now)
        self.book.append("driver", segment=self.ledger.segment + 1)
        self.director = Director(
            book=self.book,
            pruner=pruner,
            search=self.search,
            plan_of=lambda entry: {"trial": entry.id},
            settle=settle,
            stops=self.stops,
            live=self.live,
            limits=limits or Limits(),
            canonical=canonical,
            slots=slots,
            pending=self.pending,
            clock=lambda: self.now,
            **resources,
        )

    def hand_out(self) -> str | None:
        plan = self.director.next_plan()
        return None if plan is None else plan["trial"]

    def take(self, trial: str, *points: tuple[float, float], verdict: list[str] | None = None, error: str | None = None) -> bool:
        told = [{"kimg": kimg, "fid": fid, "seconds": kimg} for kimg, fid in points]
        return self.director.take({"trial": trial, "points": told, "verdict": verdict, "error": error})


def ends(folder: Path) -> list[tuple[str, str]]:
    return [(event["trial"], event["reason"]) for event in read(folder) if event["kind"] == "end"]


def test_no_more_is_asked_than_there_are_slots(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert [stage.hand_out(), stage.hand_out(), stage.hand_out()] == ["0000", "0001", None]
    assert not stage.director.is_exhausted
    assert stage.search.asked == 2
    assert stage.take("0000", (4, 50.0), verdict=["d_dead", "flat"])
    assert stage.hand_out() == "0002"


def test_the_canonical_setting_is_the_first_trial_only(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out(), stage.hand_out()
    assert [entry.origin for entry in stage.ledger.trials.values()] == ["canonical", "sampler"]


def test_a_known_point_is_not_written_twice(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out()
    stage.take("0000", (4, 50.0))
    stage.take("0000", (4, 50.0), (8, 40.0))
    assert [event["point"]["kimg"] for event in read(tmp_path) if event["kind"] == "report"] == [4, 8]
    assert stage.search.reports == [(0, 4.0, 50.0), (0, 8.0, 40.0)]


def test_the_search_hears_the_running_best(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out()
    stage.take("0000", (4, 30.0), (8, 200.0), (12, float("nan")), verdict=["diverged", "nan"])
    assert [value for _, _, value in stage.search.reports] == [30.0, 30.0, 30.0]
    assert stage.search.told == [(0, "diverged", 30.0)]


def test_a_verdict_goes_before_the_scheduler(tmp_path: Path) -> None:
    stage = Stage(tmp_path, slots=3)
    for _ in range(3):
        stage.hand_out()
    stage.take("0000", (4, 10.0))
    assert stage.take("0001", (4, 90.0))
    assert stage.take("0002", (4, 95.0), verdict=["d_won", "spread"])
    assert ends(tmp_path) == [("0001", "asha"), ("0002", "d_won")]


def test_an_error_ends_its_trial_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out(), stage.hand_out()
    assert stage.take("0000", error="ValueError: no")
    assert not stage.take("0001", (4, 10.0))
    assert ends(tmp_path) == [("0000", "error")]


def test_values_out_of_range_end_a_trial_before_it_begins(tmp_path: Path) -> None:
    def settle(params: dict[str, Any]) -> dict[str, Any]:
        if params["lr_g"] == 1:
            raise UserError("lr_d is a number in (0, 1], got 40.")
        return params

    stage = Stage(tmp_path, settle=settle)
    assert stage.hand_out() == "0001"
    assert ends(tmp_path) == [("0000", "error")]


def test_a_grid_ends_when_it_is_exhausted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=10, search=Told(size=1))
    assert [stage.hand_out(), stage.hand_out()] == ["0000", None]
    assert not stage.director.is_exhausted, "it may lose its worker and come back"
    stage.take("0000", (4, 50.0), verdict=["d_dead", "flat"])
    assert stage.director.is_exhausted


def test_resume_hands_out_unfinished_trials_first_and_finished_ones_never(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.hand_out(), first.hand_out()
    first.take("0000", (4, 50.0), verdict=["budget", "done"])
    first.take("0001", (4, 20.0))
    second = Stage(tmp_path)
    assert [second.hand_out(), second.hand_out(), second.hand_out()] == ["0001", "0002", None]
    assert [event["trial"] for event in read(tmp_path) if event["kind"] == "requeue"] == ["0001"]


def test_an_end_that_was_not_written_down_is_written_at_resume(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.hand_out()
    first.book.append("report", trial="0000", point={"kimg": 20, "fid": 30.0, "seconds": 1})
    second = Stage(tmp_path)
    assert second.hand_out() == "0000"
    assert second.take("0000", (20, 30.0), verdict=["budget", "trained its full 20 kimg"])
    assert ends(tmp_path) == [("0000", "budget")]


def test_a_stop_of_the_scheduler_that_was_not_carried_out_is_carried_out_at_resume(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.hand_out(), first.hand_out()
    first.take("0000", (4, 10.0))
    first.book.append("report", trial="0001", point={"kimg": 4, "fid": 99.0, "seconds": 1})
    second = Stage(tmp_path)
    assert {second.hand_out(), second.hand_out()} == {"0000", "0001"}
    assert not second.take("0000", (4, 10.0))
    assert second.take("0001", (4, 99.0))
    assert ends(tmp_path) == [("0001", "asha")]


def test_one_trial_is_stopped_at_its_next_report(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out(), stage.hand_out()
    request_stop(tmp_path, "0001")
    stage.stops.poll()
    assert not stage.take("0000", (4, 50.0))
    assert stage.take("0001", (4, 40.0))
    assert ends(tmp_path) == [("0001", "user")]
    assert stage.ledger.trials["0001"].state == "stopped"
    again = Stage(tmp_path)
    assert [again.hand_out(), again.hand_out()] == ["0000", "0002"], "it is not taken up again"


@pytest.mark.parametrize(("limits", "name"), [(Limits(wall=50), "hours"), (Limits(device=4), "gpu_hours")])
def test_a_time_budget_cuts_trials_short_and_more_time_continues_them(tmp_path: Path, limits: Limits, name: str) -> None:
    stage = Stage(tmp_path, limits=limits, slots=1)
    stage.hand_out()
    stage.now += 60
    assert stage.take("0000", (4, 50.0))
    assert stage.director.is_exhausted
    entry = stage.ledger.trials["0000"]
    assert (entry.state, entry.reason, entry.cut) == ("stopped", "user", name)
    assert name in str(entry.evidence)
    assert Stage(tmp_path, slots=1).hand_out() == "0000"


def test_time_that_is_up_at_resume_hands_out_nothing(tmp_path: Path) -> None:
    first = Stage(tmp_path, limits=Limits(device=4), slots=1)
    first.hand_out()
    first.take("0000", (4, 50.0))
    assert Stage(tmp_path, limits=Limits(device=4)).hand_out() is None


def test_trials_that_no_time_was_left_for_get_an_end_and_more_time_continues_them(tmp_path: Path) -> None:
    first = Stage(tmp_path, slots=1)
    first.hand_out()
    first.take("0000", (4, 50.0))
    late = Stage(tmp_path, limits=Limits(device=4))
    late.director.close()
    assert (late.ledger.trials["0000"].state, late.ledger.trials["0000"].cut) == ("stopped", "gpu_hours")
    assert Stage(tmp_path).hand_out() == "0000"


def test_a_trial_whose_first_line_was_given_up_is_passed_over(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.hand_out(), first.hand_out()
    first.take("0000", (4, 10.0))
    first.take("0001", (4, 12.0), verdict=["budget", "done"])
    spool = tmp_path / "spool.jsonl"
    spool.write_text("".join(line for line in spool.open() if not ('"kind":"trial"' in line and '"0000"' in line)))
    again = Stage(tmp_path)
    assert set(again.ledger.trials) == {"0001"}
    assert again.hand_out() is not None


def test_measuring_counts_as_device_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, limits=Limits(device=12))
    stage.hand_out()
    told = [{"kimg": kimg, "fid": 50.0, "seconds": kimg, "eval_seconds": 2.5} for kimg in (4.0, 8.0)]
    assert stage.director.take({"trial": "0000", "points": told, "verdict": None, "error": None})
    assert stage.ledger.trials["0000"].cut == "gpu_hours"
    assert stage.ledger.occupied_seconds(1) == 13


def test_a_full_disk_halts_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path)
    stage.hand_out()

    def full(kind: str, **fields: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stage.book.spool, "append", full)
    with pytest.raises(Halt, match="No space left"):
        stage.take("0000", (4, 50.0))
    assert stage.ledger.trials["0000"].reported == set(), "what is not written has not happened"


def test_a_request_to_stop_everything_halts(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    request_stop(tmp_path)
    with pytest.raises(Halt, match="gantune stop"):
        stage.stops.poll()
    assert stage.hand_out() is None
    assert json.loads((tmp_path / "stop.json").read_text())["sweep"]
    Stage(tmp_path).stops.poll()

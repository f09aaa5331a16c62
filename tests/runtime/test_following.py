"""A sweep as its spool tells it to somebody else: the picture that its driver has."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driver import spec

from gantune.runtime import following
from gantune.runtime.following import Following
from gantune.runtime.live import LiveState, Picture
from gantune.tracking.spool import Spool
from gantune.tracking.store import freeze

ABOUT = {"params": {"lr_g": 1e-3, "k": 1}, "values": {"lr_g": 1e-3, "k": 1}, "note": None}


class Sweep:
    """A spool that a test writes, and somebody who follows it."""

    def __init__(self, folder: Path, **given: Any) -> None:
        self.spec = spec(trials=3, **given)
        freeze(folder, self.spec.to_json())
        self.spool = Spool(folder)
        self.live = LiveState("synthetic-1")
        self.told = 0
        self.live.on_change = self.tell
        self.following = Following(self.spec, folder, self.live)

    def tell(self) -> None:
        self.told += 1

    def drive(self, segment: int = 1, trials: int = 3) -> None:
        self.spool.append("driver", segment=segment, pid=1, host="h", slots=2, trials=trials)

    def begin(self, trial: str, origin: str = "sampler", lr_g: float = 1e-3) -> None:
        setting = {name: {"lr_g": lr_g, "k": 1} for name in ("params", "values")}
        self.spool.append("trial", trial=trial, number=int(trial), origin=origin, **ABOUT | setting)

    def report(self, trial: str, kimg: float, fid: float, d_loss: float = 0.6) -> None:
        self.spool.append("report", trial=trial, point={"kimg": kimg, "fid": fid, "d_loss": d_loss, "seconds": kimg})

    def end(self, trial: str, reason: str = "budget", state: str = "complete") -> None:
        self.spool.append("end", trial=trial, state=state, reason=reason, evidence="why")

    def look(self) -> Picture:
        self.following.advance()
        return self.live.picture


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path)


def test_trials_come_and_go_as_they_did_for_the_driver(sweep: Sweep) -> None:
    assert sweep.look().phase == "start"
    sweep.drive(trials=5)
    sweep.begin("0000", "canonical")
    sweep.report("0000", 4.0, 50.0)
    sweep.report("0000", 8.0, 60.0, d_loss=0.4)
    picture = sweep.look()
    assert (picture.phase, picture.total, picture.slots, picture.kimg_budget) == ("search", 5, 2, 20.0)
    view = picture.trials["0000"]
    assert (view.state, view.kimg, view.fid, view.d_loss, view.origin) == ("running", 8.0, 50.0, 0.4, "canonical")
    sweep.end("0000", "d_won", "pruned")
    view = sweep.look().trials["0000"]
    assert (view.state, view.reason, view.evidence) == ("pruned", "d_won", "why")
    sweep.spool.append("requeue", trial="0000", why="resumed")
    assert sweep.look().trials["0000"].state == "running"


def test_only_what_is_new_is_read_and_told_as_one(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep.drive()
    for number in range(3):
        sweep.begin(f"{number:04d}")
        sweep.report(f"{number:04d}", 4.0, 50.0)
    sweep.look()
    assert sweep.told == 1
    taken: list[tuple[int, int]] = []
    real = following.read_from

    def counting(folder: Path, offset: int) -> Any:
        count = 0
        for event, behind in real(folder, offset):
            count += 1
            yield event, behind
        taken.append((offset, count))

    monkeypatch.setattr(following, "read_from", counting)
    end = sweep.spool.path.stat().st_size
    sweep.look()
    sweep.report("0001", 8.0, 40.0)
    sweep.look()
    assert taken == [(end, 0), (end, 1)]


def test_a_line_that_is_being_written_is_taken_when_it_is_whole(sweep: Sweep) -> None:
    sweep.drive()
    sweep.begin("0000")
    text = sweep.spool.path.read_bytes()
    sweep.spool.path.write_bytes(text[:-10])
    assert "0000" not in sweep.look().trials
    sweep.spool.path.write_bytes(text)
    assert "0000" in sweep.look().trials


def test_phases_follow_each_other_to_the_end(sweep: Sweep) -> None:
    sweep.drive()
    for number, fid in enumerate((50.0, 30.0, 40.0)):
        name = f"{number:04d}"
        sweep.begin(name, "canonical" if number == 0 else "sampler", lr_g=1e-3 * (number + 1))
        sweep.report(name, 20.0, fid)
        sweep.end(name)
    sweep.spool.append("phase", phase="search", seconds=1.0)
    assert sweep.look().phase == "score"
    sweep.spool.append("score", trial="0001", kimg=20.0, seed=1, n=10, metrics={"fid": 33.0})
    assert sweep.look().trials["0001"].score == 33.0
    sweep.spool.append("phase", phase="score", seconds=1.0)
    picture = sweep.look()
    assert (picture.phase, picture.finals_total) == ("finalists", 4), "the best and the canonical setting, two seeds each"
    sweep.spool.append("final_report", run="0001-s1000", kimg=4.0, value=35.0, d_loss="NaN")
    running = sweep.look().finals["0001-s1000"]
    assert (running.state, running.kimg, running.fid, running.d_loss) == ("running", 4.0, 35.0, None)
    sweep.spool.append(
        "final", who="0001", seed=1000, kimg=20.0, seconds=1.0, metrics={"fid": 31.0}, points=[{"kimg": 20.0, "d_loss": 0.5}]
    )
    sweep.spool.append("final", who="canonical", seed=1000, kimg=4.0, seconds=1.0, metrics={}, points=[], error="no memory")
    finals = sweep.look().finals
    assert (finals["0001-s1000"].state, finals["0001-s1000"].score, finals["0001-s1000"].d_loss) == ("complete", 31.0, 0.5)
    assert (finals["canonical-s1000"].state, finals["canonical-s1000"].evidence) == ("failed", "no memory")
    sweep.spool.append("phase", phase="finalists", seconds=1.0)
    assert sweep.look().phase == "done"
    assert sweep.following.done is None
    sweep.spool.append("phase", phase="done", seconds=0.0)
    sweep.look()
    assert sweep.following.done is not None


def test_without_finalists_the_score_is_the_last_phase(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, top=0)
    sweep.drive()
    sweep.spool.append("phase", phase="search", seconds=1.0)
    sweep.spool.append("phase", phase="score", seconds=1.0)
    assert sweep.look().phase == "done"


def test_a_resumed_sweep_is_no_longer_stopped_and_its_pace_is_its_own(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()

    def written(ago: float) -> None:
        monkeypatch.setattr("gantune.steady.now", lambda: now - ago)

    written(1000)
    sweep.drive()
    sweep.begin("0000")
    sweep.report("0000", 12.0, 50.0)
    sweep.spool.append("user", trial=None, what="stop", why="Ctrl-C")
    sweep.look()
    assert sweep.following.stopped == "Ctrl-C"
    written(100)
    sweep.drive(segment=2)
    picture = sweep.look()
    assert sweep.following.stopped is None
    assert picture.kimg_before == 12.0
    assert 90 < picture.seconds < 200, "since its driver began, not since somebody looks"


def test_a_late_comer_sees_the_same_as_somebody_who_watched(sweep: Sweep, tmp_path: Path) -> None:
    sweep.drive()
    for number in range(3):
        sweep.begin(f"{number:04d}")
        sweep.look()
        for step in range(1, 4):
            sweep.report(f"{number:04d}", 4.0 * step, 60.0 - step)
            watched = sweep.look()
    late = LiveState("synthetic-1")
    Following(sweep.spec, tmp_path, late).advance()
    assert replace(late.picture, seconds=0.0) == replace(watched, seconds=0.0)


def test_what_the_driver_notes_and_why_nothing_moves_is_seen_by_who_follows(sweep: Sweep) -> None:
    sweep.drive()
    sweep.spool.append("note", text="the cluster has grown: 12 at a time from now on", slots=12)
    sweep.spool.append("note", stall="nothing has started for 30 s: the autoscaler is starting 1 node;")
    assert sweep.look().slots == 12
    sweep.spool.append("slots", slots=1, of=2, why="low on memory")
    picture = sweep.look()
    assert picture.notes == ("the cluster has grown: 12 at a time from now on",)
    assert str(picture.stall).endswith("starting 1 node;")
    assert picture.slots == 1
    sweep.spool.append("note", stall=None)
    assert sweep.look().stall is None
    sweep.drive(segment=2)
    assert sweep.look().notes == (), "another driver has its own"

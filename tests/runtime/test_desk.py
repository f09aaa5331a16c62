"""What a driver does with the disk as it takes a sweep up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from driver import spec

from gantune import sweep
from gantune.runtime.desk import Desk
from gantune.runtime.live import LiveState
from gantune.runtime.machines import Machine
from gantune.runtime.session import Session
from gantune.spec import Storage
from gantune.tracking.spool import Spool, read
from gantune.tracking.store import freeze


def test_orphans_are_removed_and_checkpoints_kept_within_their_share(tmp_path: Path) -> None:
    wanted = replace(spec(), storage=Storage(checkpoints_gb=1e-6))
    freeze(tmp_path, wanted.to_json())
    place = tmp_path / "trials" / "0001"
    place.mkdir(parents=True)
    for name in ("last.pt", "best.pt", ".last.pt.4000001"):
        (place / name).write_bytes(bytes(800))
    desk = Desk(wanted, tmp_path, LiveState("x"), Session(None, (Machine(2, 0),)), opener="", scorer="")
    assert not (place / ".last.pt.4000001").exists()
    desk.book.append("driver", segment=1)
    desk.book.append("trial", trial="0001", number=1, params={"lr_g": 1e-3}, values={}, origin="sampler")
    desk.book.append("report", trial="0001", point={"kimg": 4.0, "fid": 3.0})
    assert (place / "last.pt").exists()
    desk.book.append("end", trial="0001", state="complete", reason="budget")
    assert sorted(path.name for path in place.iterdir()) == ["best.pt"]
    desk.spool.close()


def test_notes_and_stalls_are_written_down_for_those_who_follow_until_the_end(tmp_path: Path) -> None:
    freeze(tmp_path, spec().to_json())
    live = LiveState("x")
    live.note("torch 2.1 on some nodes")
    desk = Desk(spec(), tmp_path, live, Session(None, (Machine(2, 0),)), opener="", scorer="")
    desk.begin(slots=2)
    live.note("the cluster has grown")
    desk._stalled("no node has a GPU")
    desk.close()
    live.note("MLflow is behind")
    kept = [event for event in read(tmp_path) if event["kind"] == "note"]
    assert [event.get("text", event.get("stall")) for event in kept] == [
        "torch 2.1 on some nodes",
        "the cluster has grown",
        "no node has a GPU",
    ]
    assert len(live.picture.notes) == 3


def test_what_is_scored_already_is_shown_with_its_score_after_a_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    freeze(tmp_path, spec().to_json())
    with Spool(tmp_path) as spool:
        spool.append("trial", trial="0000", number=0, params={"lr_g": 1e-3}, values={}, origin="sampler", note=None)
        spool.append("report", trial="0000", point={"kimg": 4.0, "fid": 12.45})
        spool.append("end", trial="0000", state="complete", reason="budget", evidence="")
        spool.append("score", trial="0000", kimg=4.0, seed=1, n=9, metrics={"fid": 12.1})
    live = LiveState("x")
    desk = Desk(spec(), tmp_path, live, Session(None, (Machine(2, 0),)), opener="", scorer="")
    for phase in ("search", "score", "finalists"):
        monkeypatch.setattr(sweep, phase, lambda desk: None)
    sweep._run(desk, {})
    desk.close()
    assert (live.picture.trials["0000"].fid, live.picture.trials["0000"].score) == (12.45, 12.1)

"""A sweep's checkpoints within their share of the disk: real files, a real spool."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gantune.errors import UserError
from gantune.runtime import keeping as module
from gantune.runtime.director import Book
from gantune.runtime.keeping import Keeping, files_of
from gantune.runtime.ledger import Ledger
from gantune.runtime.live import LiveState
from gantune.tracking.checkpoints import check_kept, let_go_of, told
from gantune.tracking.spool import Spool, read

MB = 10**6


class Sweep:
    """A driver's book, and trials that write files of a megabyte."""

    def __init__(self, folder: Path, mb: float, top: int = 1) -> None:
        (folder / "sweep.json").touch()
        self.folder, self.live = folder, LiveState("x")
        self.ledger = Ledger("fid", "min", 99).apply_all(read(folder))
        self.book = Book(Spool(folder), self.ledger, lambda: 1.0)
        keeping = Keeping(folder, mb / 1000, book=self.book, ledger=self.ledger, live=self.live, top=top)
        self.book.after = keeping.take
        self.book.append("driver", segment=self.ledger.segment + 1)

    def begin(self, number: int) -> str:
        name = f"{number:04d}"
        origin = "canonical" if number == 0 else "sampler"
        self.book.append("trial", trial=name, number=number, params={}, values={}, origin=origin, note=None)
        place = self.folder / "trials" / name
        place.mkdir(parents=True)
        for file in ("last.pt", "best.pt"):
            (place / file).write_bytes(bytes(MB))
        return name

    def end(self, name: str, fid: float, reason: str = "budget", **more: Any) -> None:
        self.book.append("report", trial=name, point={"kimg": 4.0, "fid": fid})
        self.book.append("end", trial=name, state="complete", reason=reason, evidence="", **more)

    def score(self, *names: str) -> None:
        for name in names:
            self.book.append("score", trial=name, seed=1, n=1, kimg=4.0, metrics={"fid": self.ledger.trials[name].best})
        self.book.append("phase", phase="score")

    @property
    def files(self) -> dict[str, str]:
        return {place.name: " ".join(sorted(files_of(place))) for place in sorted((self.folder / "trials").iterdir())}

    @property
    def bytes(self) -> int:
        return sum({path.stat().st_ino: path.stat().st_size for path in self.folder.rglob("*.pt")}.values())


def test_last_checkpoints_go_first_and_those_to_be_scored_stay(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, mb=5)
    for number, fid in enumerate([30.0, 10.0, 20.0]):
        sweep.end(sweep.begin(number), fid)
    assert sweep.files == {"0000": "best.pt", "0001": "best.pt last.pt", "0002": "best.pt last.pt"}
    sweep.end(sweep.begin(3), 5.0)
    assert sweep.files == {"0000": "best.pt", "0001": "best.pt", "0002": "best.pt", "0003": "best.pt last.pt"}
    told = [(event["trial"], event["files"], event["bytes"]) for event in read(tmp_path) if event["kind"] == "let_go"]
    assert told == [("0000", ["last.pt"], MB), ("0002", ["last.pt"], MB), ("0001", ["last.pt"], MB)]


@pytest.mark.parametrize("canonical", [30.0, 1.0])
def test_once_scored_the_worst_go_but_for_the_best_and_the_canonical(tmp_path: Path, canonical: float) -> None:
    sweep = Sweep(tmp_path, mb=2)
    for number, fid in enumerate([canonical, 10.0, 20.0, 5.0]):
        sweep.end(sweep.begin(number), fid)
    assert sweep.bytes == 4 * MB
    (note,) = sweep.live.picture.notes
    assert note.startswith("checkpoints take 0.003 GB, more than storage.checkpoints_gb (0.002)")
    sweep.score("0000", "0001", "0002", "0003")
    assert sweep.files == {"0000": "best.pt", "0001": "", "0002": "", "0003": "best.pt"}
    assert len(sweep.live.picture.notes) == 1
    with pytest.raises(UserError, match=rf"{tmp_path.name}/0001: its checkpoint was let go to stay within storage.checkpoints_gb"):
        check_kept(tmp_path / "trials" / "0001" / "best.pt")
    check_kept(tmp_path / "trials" / "0003" / "best.pt")
    check_kept(tmp_path / "trials" / "0003" / "never.pt")


@pytest.mark.parametrize("more", [{"reason": "user", "cut": "hours"}, {"reason": "infra"}])
def test_trials_that_run_or_will_go_on_are_not_touched(tmp_path: Path, more: dict[str, Any]) -> None:
    sweep = Sweep(tmp_path, mb=1)
    running, cut = sweep.begin(1), sweep.begin(2)
    sweep.end(cut, 99.0, **more)
    sweep.end(sweep.begin(3), 5.0)
    assert sweep.files == {running: "best.pt last.pt", cut: "best.pt last.pt", "0003": "best.pt"}


def test_a_trial_that_runs_counts_with_what_it_holds(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, mb=4.5)
    sweep.begin(1)
    sweep.end(sweep.begin(2), 5.0)
    assert sweep.bytes == 4 * MB
    sweep.begin(3)
    sweep.end(sweep.begin(4), 6.0)
    assert sweep.files["0004"] == sweep.files["0002"] == "best.pt"


def test_few_running_trials_are_looked_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def looking(place: Path) -> Any:
        looked.append(place.name)
        return files_of(place)

    sweep = Sweep(tmp_path, mb=1000)
    names = [sweep.begin(number) for number in range(20)]
    monkeypatch.setattr(module, "files_of", looking)
    for name in names[:3]:
        looked.clear()
        sweep.end(name, 1.0)
        assert len(looked) == 9
    assert len(set(looked)) == 9


def test_what_a_killed_driver_wrote_down_is_carried_out_by_the_next(tmp_path: Path) -> None:
    first = Sweep(tmp_path, mb=1000)
    first.end(first.begin(1), 5.0)
    first.book.append("let_go", trial="0001", files=["last.pt"], bytes=MB)
    assert first.files == {"0001": "best.pt last.pt"}
    assert Sweep(tmp_path, mb=1000).files == {"0001": "best.pt"}


def test_the_next_driver_measures_what_is_there(tmp_path: Path) -> None:
    first = Sweep(tmp_path, mb=1000)
    for number in range(1, 4):
        first.end(first.begin(number), float(number))
    (tmp_path / "finalists" / "0001-s1000").mkdir(parents=True)
    (tmp_path / "finalists" / "0001-s1000" / "best.pt").write_bytes(bytes(MB))
    again = Sweep(tmp_path, mb=5)
    assert again.files == {"0001": "best.pt last.pt", "0002": "best.pt", "0003": "best.pt"}
    assert (tmp_path / "finalists" / "0001-s1000" / "best.pt").is_file()


def test_without_a_limit_nothing_is_measured_or_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "files_of", lambda place: pytest.fail("looked"))
    keeping = Keeping(tmp_path, None, book=None, ledger=Ledger("fid", "min", 1), live=LiveState("x"), top=1)  # type: ignore[arg-type]  # not asked
    keeping.take("driver", {})
    keeping.take("end", {"trial": "0001"})


def test_a_hard_link_is_no_more_bytes(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, mb=2)
    name = sweep.begin(1)
    place = tmp_path / "trials" / name
    (place / "best.pt").unlink()
    os.link(place / "last.pt", place / "best.pt")
    sweep.end(name, 5.0)
    sweep.end("0001", 5.0)
    assert sweep.files == {"0001": "best.pt last.pt"}


def test_a_file_that_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep(tmp_path, mb=1)
    name = sweep.begin(1)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    sweep.end(name, 5.0)
    assert sweep.live.picture.notes[0].endswith("last.pt cannot be removed: Permission denied")


def test_the_clock_of_the_search_stands_still_outside_of_it(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = [
        {"kind": "driver", "t": 0.0, "segment": 1},
        {"kind": "trial", "t": 1.0, "trial": "0001", "number": 1, "params": {}, "values": {}, "origin": "sampler"},
        {"kind": "let_go", "t": 2.0, "trial": "0001", "files": ["last.pt"], "bytes": 1},
        {"kind": "end", "t": 3.0, "trial": "0001", "state": "complete", "reason": "budget"},
        {"kind": "phase", "t": 4.0, "phase": "search"},
        {"kind": "let_go", "t": 50.0, "trial": "0001", "files": ["best.pt"], "bytes": 1},
        {"kind": "phase", "t": 60.0, "phase": "score"},
    ]
    ledger = Ledger("fid", "min", 1).apply_all(events)
    assert ledger.search_seconds == 4.0
    assert ledger.trials["0001"].let_go == {"last.pt", "best.pt"}


def test_what_is_told_of_a_trial() -> None:
    assert told(["last.pt"]) is None
    assert told(["last.pt", "best.pt"]) == "its checkpoint was let go to stay within storage.checkpoints_gb"


def test_runs_outside_of_a_sweep_have_let_go_of_nothing(tmp_path: Path) -> None:
    assert let_go_of(tmp_path / "train-dcgan-1") == set()


def test_the_best_of_those_that_are_scored_outlives_what_only_looks_better_while_it_trains(tmp_path: Path) -> None:
    first = Sweep(tmp_path, mb=99)
    for number, fid in enumerate([30.0, 8.0, 20.0]):
        first.end(first.begin(number), fid)
    for name, fresh in (("0000", 31.0), ("0001", 10.0), ("0002", 21.0)):
        first.book.append("score", trial=name, seed=1, n=1, kimg=4.0, metrics={"fid": fresh})
    again = Sweep(tmp_path, mb=5)
    for number, fid in ((3, 9.0), (4, 9.5)):
        again.end(again.begin(number), fid)
    assert "best.pt" in again.files["0001"]
    for name, fresh in (("0003", 11.0), ("0004", 12.0)):
        again.book.append("score", trial=name, seed=1, n=1, kimg=4.0, metrics={"fid": fresh})
    again.book.append("phase", phase="score")
    assert "best.pt" in again.files["0001"]

from __future__ import annotations

import errno
import math
import os
import time
from pathlib import Path

import numpy as np
import pytest

from gantune.errors import UserError
from gantune.tracking.spool import FILE, Spool, read, read_from


def write(folder: Path, count: int) -> None:
    with Spool(folder) as spool:
        for number in range(count):
            spool.append("report", trial="0000", number=number)


def numbers(folder: Path) -> list[int]:
    return [event["number"] for event in read(folder)]


def test_events_come_back_in_order_with_their_time(tmp_path: Path) -> None:
    write(tmp_path, 3)
    events = list(read(tmp_path))
    assert [event["number"] for event in events] == [0, 1, 2]
    assert events[0]["kind"] == "report"
    assert events[0]["t"] <= events[2]["t"]
    assert list(read(tmp_path / "nowhere")) == []


def test_values_that_are_not_finite_travel_as_words_and_come_back_as_numbers(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.append("report", point={"fid": math.nan, "d_loss": -math.inf, "g_loss": np.float32(1.5), "d_steps": np.int64(7)}, note="nan")
    assert '"fid":"nan","d_loss":"-inf","g_loss":1.5,"d_steps":7' in (tmp_path / FILE).read_text()
    [event] = read(tmp_path)
    assert math.isnan(event["point"]["fid"])
    assert event["point"]["d_loss"] == -math.inf
    assert event["note"] == "nan"


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_left_out_and_cut_off_before_the_next_event(tmp_path: Path, cut: int) -> None:
    write(tmp_path, 3)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-cut])
    assert numbers(tmp_path) == [0, 1]
    with Spool(tmp_path) as spool:
        spool.append("report", number=7)
    assert numbers(tmp_path) == [0, 1, 7]


def test_a_last_line_of_zeros_as_a_power_cut_leaves_is_torn_too(tmp_path: Path) -> None:
    write(tmp_path, 2)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"\0" * 30 + b"\n")
    assert numbers(tmp_path) == [0, 1]
    write(tmp_path, 1)
    assert numbers(tmp_path) == [0, 1, 0]


def test_a_broken_line_in_the_middle_is_refused_with_file_line_and_mend(tmp_path: Path) -> None:
    write(tmp_path, 4)
    path = tmp_path / FILE
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + lines[1] + lines[2][:9] + "\n" + lines[3])
    with pytest.raises(UserError, match=r"spool\.jsonl: line 3 is broken"):
        list(read(tmp_path))


def test_a_full_disk_leaves_no_half_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[:20])

    with Spool(tmp_path) as spool:
        spool.append("report", number=0)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(OSError, match="No space"):
                spool.append("report", number=1, long="x" * 40)
        spool.append("report", number=2)
    assert numbers(tmp_path) == [0, 2]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What os.fsync was called for, by name."""
    called: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda file: called.append(Path(os.readlink(f"/proc/self/fd/{file}")).name))
    return called


@pytest.mark.parametrize("kind", ["driver", "phase", "trial", "end", "score", "final", "requeue", "user"])
def test_what_a_power_cut_must_not_take_is_on_the_disk(tmp_path: Path, synced: list[str], kind: str) -> None:
    with Spool(tmp_path) as spool:
        assert synced == [tmp_path.name], "the new file's name"
        spool.append(kind)
        assert synced[1:] == [FILE]


def test_reports_wait_for_the_disk_once_a_second(tmp_path: Path, synced: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Spool(tmp_path) as spool:
        synced.clear()
        for _ in range(10):
            now[0] += 0.25
            spool.append("report", point={"kimg": now[0]})
        assert synced == [FILE] * 2
    assert synced == [FILE] * 3, "the last ones, when it is closed"


def test_a_live_spool_is_followed_from_where_the_last_look_ended(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append("report", number=0)
    [(_, offset)] = read_from(tmp_path, 0)
    assert list(read_from(tmp_path, offset)) == []
    spool.append("report", number=1)
    [(event, offset)] = read_from(tmp_path, offset)
    assert event["number"] == 1
    assert offset == (tmp_path / FILE).stat().st_size
    spool.close()

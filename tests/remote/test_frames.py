"""Marked output behind a terminal's line ends, in whatever pieces it comes."""

from __future__ import annotations

import pytest

from gantune.remote.frames import Frames, frame

PRINTED = b"Fetched IP: 10.0.0.1\r\n" + frame("begin", "1.0").replace(b"\n", b"\r\n")


def taken(data: bytes, size: int) -> tuple[list[tuple[str, object]], Frames]:
    frames = Frames()
    found = [event for start in range(0, len(data), size) for event in frames.feed(data[start : start + size])]
    return found, frames


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_streams_come_out_as_they_went_in(size: int) -> None:
    out, err = b'{"a": "\xc3\xa9\n\r\x1e"}\n', b"note: \x1b[31mred\x1b[0m\n"
    sent = PRINTED + (frame("out", out) + frame("err", err) + frame("end", 3)).replace(b"\n", b"\r\n") + b"Shared connection closed.\r\n"
    found, frames = taken(sent, size)
    assert found == [("begin", "1.0"), ("out", out), ("err", err), ("end", 3)], "and nothing of what stands around them"
    assert frames.ended
    assert frames.preamble == "Fetched IP: 10.0.0.1\r\n"


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_a_terminal_gets_every_byte_between_the_marks(size: int) -> None:
    drawn = b"\x1b[2K\x1b[1Atrial  fid\r\n\xe2\x94\x80\r\n"
    found, frames = taken(PRINTED + drawn + frame("end", 0) + b"logout", size)
    assert b"".join(value for kind, value in found if kind == "raw") == drawn  # type: ignore[misc]  # raw values are bytes
    assert frames.ended


def test_where_nothing_begins_what_was_said_is_kept() -> None:
    _, frames = taken(b"bash: python: command not found\r\n", 4)
    assert not frames.begun
    assert "python: command not found" in frames.preamble

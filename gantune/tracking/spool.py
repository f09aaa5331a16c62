"""The spool: a sweep's append-only file of events. Everything that happened is in it first; MLflow, tables and resume read it."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from gantune import steady
from gantune.durable import to_disk
from gantune.errors import UserError

FILE = "spool.jsonl"
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
MEASURED = ("point", "metrics", "floor")  # parts of an event in which these words are numbers
OF_TRIAL = ("report", "end", "requeue", "takeover", "score", "let_go")  # events about a trial that an earlier one began
REPORTS_TO_DISK = 1.0  # seconds between two waits for the disk; a power cut costs the reports since
Event = dict[str, Any]


class Spool:
    """The file opened for appending, by the one driver that holds the sweep's lock. A line torn by a crash is cut off first."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._end = _end_of_whole_lines(self.path)
        os.ftruncate(self._file, self._end)
        to_disk(folder)
        self._on_disk = time.monotonic()

    def append(self, kind: str, **fields: Any) -> None:
        """Write one event. It is on the disk when this returns (a report within a second, or at the next event), or, when the disk is
        full, not in the file at all."""
        event = {"kind": kind, "t": round(steady.now(), 6), **fields}
        line = (json.dumps(_writable(event), separators=(",", ":"), allow_nan=False, default=_plain) + "\n").encode()
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            if kind != "report" or time.monotonic() - self._on_disk >= REPORTS_TO_DISK:
                os.fsync(self._file)
                self._on_disk = time.monotonic()
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(line)

    def close(self) -> None:
        """Close the file, with the last reports on the disk."""
        os.fsync(self._file)
        os.close(self._file)

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read(folder: Path) -> Iterator[Event]:
    """Every event in order. A torn last line is left out. `UserError` for a line that is broken in the middle."""
    for event, _ in read_from(folder, 0):
        yield event


def read_from(folder: Path, offset: int) -> Iterator[tuple[Event, int]]:
    """Events from the byte `offset` on, each with the offset behind it, so that a live spool can be followed."""
    path = folder / FILE
    if not path.is_file():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            event = _parsed(raw)
            if event is None:
                if not file.read(1):
                    return  # the last line: torn, though it has its end
                raise _broken(path, offset)
            offset += len(raw)
            yield event, offset


def is_orphan(event: Mapping[str, Any], trials: Container[str]) -> bool:
    """Whether the event is about a trial whose first event is not there: a person has given up that line of a damaged spool."""
    return event["kind"] in OF_TRIAL and event["trial"] not in trials


def _parsed(raw: bytes) -> Event | None:
    try:
        event = json.loads(raw)
    except ValueError:  # of JSON or of UTF-8
        return None
    if not isinstance(event, dict) or "kind" not in event or "t" not in event:
        return None
    for name in MEASURED:
        if isinstance(event.get(name), dict):
            event[name] = {key: NOT_FINITE.get(value, value) if isinstance(value, str) else value for key, value in event[name].items()}
    return event


def _broken(path: Path, offset: int) -> UserError:
    number = path.read_bytes()[:offset].count(b"\n") + 1
    return UserError(
        f"{path}: line {number} is broken and others follow it, so the file was damaged from outside.\n"
        f"Restore it from a copy, or give up that one event: sed -i {number}d {path}"
    )


def _end_of_whole_lines(path: Path) -> int:
    """Bytes up to the end of the last line that is whole."""
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    last = content.rfind(b"\n", 0, max(0, end - 1)) + 1
    return end if end == 0 or _parsed(content[last:end]) is not None else last


def _writable(value: Any) -> Any:
    """`value` with non-finite floats as words, since JSON has none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return {str(key): _writable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_writable(part) for part in value]
    return value


def _plain(value: Any) -> Any:
    """What JSON does not know: scalars of numpy and torch, paths."""
    return _writable(value.item()) if hasattr(value, "item") else str(value)

"""What passes from the head to the laptop: our output, marked among all that a login shell, ssh and Ray print around it.

The way leads through a pseudo-terminal, which merges the two streams and changes line ends. So a mark is a line of JSON behind a
control character: `begin` with the head's version, `end` with the exit code, and, where the laptop's output is no terminal, `out` and
`err` with their bytes in base64. To a terminal the bytes between `begin` and `end` go as they are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MARK = b"\x1e"  # record separator


def frame(kind: str, value: Any) -> bytes:
    """One mark; of `out` and `err` the value is bytes."""
    content = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return MARK + json.dumps({kind: content}).encode() + b"\n"


@dataclass
class Frames:
    """Takes the bytes as they come, and gives the marks and what stands between them."""

    _rest: bytes = b""
    _before: bytearray = field(default_factory=bytearray)
    begun: bool = False
    ended: bool = False

    @property
    def preamble(self) -> str:
        """What came before `begin`: where nothing begins, it tells why."""
        return self._before.decode(errors="replace")

    def feed(self, data: bytes) -> Iterator[tuple[str, Any]]:
        """`begin` with the version, `raw`, `out` and `err` with bytes, `end` with the exit code."""
        self._rest += data
        while self._rest and not self.ended:
            plain, mark, rest = self._rest.partition(MARK)
            if plain:
                self._rest = mark + rest
                if self.begun:
                    yield "raw", plain
                else:
                    self._before += plain
                continue
            line, end, after = rest.partition(b"\n")
            if not end:
                return  # the mark is still to come
            self._rest = after
            [(kind, value)] = json.loads(line).items()
            self.begun, self.ended = True, kind == "end"
            yield kind, base64.b64decode(value) if kind in ("out", "err") else value

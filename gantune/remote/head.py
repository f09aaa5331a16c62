"""A conversation with the head of a cluster: one verb of gantune there, its output here."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from gantune import __version__
from gantune.errors import UserError
from gantune.remote.cluster import Cluster
from gantune.remote.frames import Frames
from gantune.remote.launcher import execution, telling

BEGINS_WITHIN = 120.0  # seconds: a login over ssh, and Python there
ENDS_WITHIN = 10.0  # seconds after the last word
FAR = "gantune.remote.far"


class ConnectionLost(UserError):
    """The head was there, and then the connection to it broke. What it was told to do may have been done."""


@dataclass(frozen=True)
class Answer:
    """What a verb printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Head:
    """The head of `cluster`. `UserError` when it does not answer, `ConnectionLost` when it no longer does."""

    cluster: Cluster

    def ask(self, *words: str, cd: str | None = None, discard: bool = False) -> Answer:
        """Run a verb there, in the folder `cd`, which is then discarded or not, and give what it printed; `--prepare` and `--facts` are
        verbs, too (see gantune.remote.far)."""
        code, parts = 1, {"out": bytearray(), "err": bytearray(), "raw": bytearray()}
        with contextlib.closing(self._talk([*(["--discard"] if discard else []), *words], cd=cd)) as talk:
            for kind, value in talk:
                if kind in parts:
                    parts[kind] += value
                elif kind == "end":
                    code = value
        out, err, raw = (part.decode(errors="replace") for part in parts.values())
        return Answer(code, out, (err or raw.replace("\r\n", "\n")) if code else err)  # unmarked: what kept the verb from beginning

    def pass_on(self, *words: str, ports: Sequence[int] = ()) -> int:
        """Run a verb there as if it were here: on a terminal it gets the terminal, else its two streams come out as ours. Its exit code."""
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        code = 1
        sys.stdout.flush()
        with contextlib.closing(self._talk(words, terminal=terminal, ports=ports)) as talk:
            for kind, value in talk:
                if kind == "end":
                    code = value
                elif kind in ("out", "err", "raw"):
                    stream = sys.stderr.buffer if kind == "err" else sys.stdout.buffer
                    stream.write(value)
                    stream.flush()
        return code

    def _talk(
        self, words: Sequence[str], *, cd: str | None = None, terminal: bool = False, ports: Sequence[int] = ()
    ) -> Generator[Any, None, None]:
        """The marks (see gantune.remote.frames) of a verb that runs there."""
        flag = self.cluster.flag.strip()
        options = [*(("--cd", cd) if cd else ()), *(["--terminal"] if terminal else []), *([f"--flag={flag}"] if flag else [])]
        command = f"RAY_ADDRESS=auto python -P -m {FAR} {shlex.join([*options, *words])}"
        frames = Frames()
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                execution(self.cluster.file, command, ports),
                stdin=None if terminal else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},  # what Ray says comes before what the verb says
                start_new_session=not terminal,  # ssh needs the terminal; else Ctrl-C is ours, to end it in our way
            )
            try:
                for data in _chunks(process, frames, self.cluster):
                    for kind, value in frames.feed(data):
                        if kind == "begin":
                            _compare(value, self.cluster)
                        yield kind, value
            finally:
                _end(process, terminal)
            if not frames.ended:
                raise self._broken(frames, errors)

    def _broken(self, frames: Frames, errors: IO[bytes]) -> UserError:
        errors.seek(0)
        said = ["it said nothing", *telling(f"{frames.preamble}\n{errors.read().decode(errors='replace')}")][-1]
        if frames.begun:
            return ConnectionLost(f"the connection to {self.cluster} was lost. What was begun there goes on: gantune ls{self.cluster.flag}")
        if "No module named" in said:
            said = f"gantune {__version__} is not installed there ({said}). cluster.yaml's setup_commands should install it"
        return UserError(f"{self.cluster} does not answer: {said}.")


def _chunks(process: subprocess.Popen[bytes], frames: Frames, cluster: Cluster) -> Iterator[bytes]:
    """Its output as it comes, until it has ended or said its last word."""
    assert process.stdout is not None
    deadline = time.monotonic() + BEGINS_WITHIN
    while not frames.ended:
        if select.select([process.stdout], [], [], 1.0)[0]:
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                return
            yield data
        elif process.poll() is not None:  # a ssh that Ray keeps for the next call may hold the pipe open
            return
        elif not frames.begun and time.monotonic() > deadline:
            raise UserError(f"{cluster} does not answer within {BEGINS_WITHIN:g} s.")


def _end(process: subprocess.Popen[bytes], terminal: bool) -> None:
    """Let it end, which on a terminal gives that back; else end it with its ssh."""
    try:
        process.wait(ENDS_WITHIN if terminal else 1.0)
    except subprocess.TimeoutExpired:
        if terminal:
            process.terminate()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        process.wait()
    finally:
        assert process.stdout is not None
        process.stdout.close()


def _compare(version: str, cluster: Cluster) -> None:
    if version != __version__:
        print(f"note: gantune is {__version__} here and {version} on {cluster}", file=sys.stderr)

"""The head's side: `python -m gantune.remote.far [--cd DIR] [--terminal] VERB …` runs a verb and marks its output for the laptop.

`--prepare` and `--facts` take no verb: they make a folder for what is shipped, and tell what the laptop wants to know. `--discard` removes
the folder DIR after the verb.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
import uuid
from pathlib import Path
from typing import IO

from gantune import __version__
from gantune.remote.frames import frame
from gantune.servers import port_here

AFAR = "GANTUNE_AFAR"  # tells a verb that the person sits elsewhere, and what names this cluster on a command line there
SHIPPED = "submitted"  # the folder beside the runs folder in which each submission has its own


def main(words: list[str]) -> int:
    """Do what the laptop asks for."""
    flags = argparse.ArgumentParser()
    flags.add_argument("--cd", type=Path)
    flags.add_argument("--discard", action="store_true")
    flags.add_argument("--terminal", action="store_true")
    flags.add_argument("--flag", default="")
    flags.add_argument("--prepare", action="store_true")
    flags.add_argument("--facts", action="store_true")
    flags.add_argument("verb", nargs=argparse.REMAINDER)
    given = flags.parse_args(words)
    os.environ["GANTUNE_RUNS"] = str(_runs())  # not relative to where a submission lies
    _put("begin", __version__)
    code = 1
    try:
        code = _done(given)
    except OSError as error:  # the shared folder is not mounted, full, or another user's
        _put("err", f"gantune: {error.filename or 'on the head'}: {error.strerror or error}.\n".encode())
        code = 2
    except Exception:  # noqa: BLE001  # a defect of ours; told before the last word, after which nobody listens
        traceback.print_exc()
    finally:
        _put("end", code)
    return code


def _done(given: argparse.Namespace) -> int:
    if given.prepare:
        _put("out", _prepared().encode())
    elif given.facts:
        tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
        _put("out", json.dumps({"runs": str(_runs()), "tracking": tracking, "port": port_here(tracking)}).encode())
    else:
        code = _run(given.verb, given.cd, given.terminal, given.flag)
        if given.discard:
            shutil.rmtree(given.cd)
        return code
    return 0


def _runs() -> Path:
    return Path(os.environ.get("GANTUNE_RUNS") or Path.home() / "runs").absolute()


def _prepared() -> str:
    """A new folder on the storage that all machines share, as the runs are."""
    folder = _runs().parent / SHIPPED / f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    folder.mkdir(parents=True)
    return str(folder)


def _run(verb: list[str], folder: Path | None, terminal: bool, flag: str) -> int:
    command = [sys.executable, "-P", "-m", "gantune", *verb]
    environment = os.environ | {AFAR: flag}
    if terminal:
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the verb, which starts with the usual handler
        return _code(subprocess.call(command, cwd=folder, env=environment))
    environment["PYTHONUNBUFFERED"] = "1"
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        threads = [threading.Thread(target=_pump, args=given) for given in (("out", process.stdout), ("err", process.stderr))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return _code(process.returncode)


def _pump(kind: str, stream: IO[bytes]) -> None:
    while data := os.read(stream.fileno(), 65536):
        _put(kind, data)


def _code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned  # as a shell tells a signal


def _put(kind: str, value: str | int | bytes, lock: threading.Lock = threading.Lock()) -> None:  # noqa: B008  # one for all
    with lock:
        sys.stdout.buffer.write(frame(kind, value))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

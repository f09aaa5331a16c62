"""Ray's cluster launcher, called as the command line that it is."""

from __future__ import annotations

import ipaddress
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gantune.errors import UserError

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
ANSWERS_WITHIN = 120.0  # seconds for a question that a cloud answers
COPIED_WITHIN = 600.0
NO_HEAD = "Head node of cluster"  # how Ray says that there is none
CHATTER = re.compile(
    r"Fetched IP|Loaded cached provider|If you experience issues|the cloud provider|the command with|Shared connection|Permanently added"
    r"|Connection to .* closed|Command failed|SSH command failed|^\s*ssh -tt|no job control|cannot set terminal process group"
    r"|ClusterState: "
)
STATE = re.compile(r"is in state ([\w-]+)")  # and before it, that there is one with which `ray up` has not come to an end


class ClusterDown(UserError):
    """There is no head: nobody has started the cluster, or it has been taken down."""


class HeadUnready(UserError):
    """There is a head, and `ray up` is still at work on it, or has failed. What ran there before may run on."""


def head_address(file: Path) -> str:
    """The address of the head of the cluster in `file`. `ClusterDown` when there is none, `HeadUnready` when it is not to be used yet,
    `UserError` when that cannot be found out."""
    try:
        asked = _run(["get-head-ip", str(file)], ANSWERS_WITHIN)
    except subprocess.TimeoutExpired:
        raise UserError(f"{file}: whether that cluster runs could not be found out within {ANSWERS_WITHIN:g} s.") from None
    if asked.returncode == 0:
        for line in reversed(asked.stdout.split()):
            if _is_address(line):
                return line
    state = STATE.search(asked.stderr + asked.stdout)
    if state is not None:
        raise HeadUnready(f"its head is in state {state[1]}")
    said = last_line(asked.stderr) or last_line(asked.stdout)
    if "No module named" in said:
        said += "; Ray's cluster launcher needs: pip install 'gantune[cluster]'"
    raise (ClusterDown if NO_HEAD in asked.stderr + asked.stdout else UserError)(said or "Ray said nothing")


def copy_up(file: Path, source: Path, target: str) -> None:
    """Copy the contents of the folder `source` into the folder `target` of the head."""
    _copy(["rsync-up", str(file), f"{source}/", target])


def copy_down(file: Path, source: str, target: Path) -> None:
    """Copy the contents of the head's folder `source` into the folder `target`."""
    target.mkdir(parents=True, exist_ok=True)
    _copy(["rsync-down", str(file), f"{source}/", f"{target}/"])


def execution(file: Path, command: str, ports: Sequence[int] = ()) -> list[str]:
    """The words that run a shell `command` on the head; local `ports` lead to the same ones there."""
    return [*RAY, "exec", *(word for port in ports for word in ("--port-forward", str(port))), str(file), command]


def last_line(text: str) -> str:
    """What a program that failed said in the end."""
    return _lines(text)[-1] if _lines(text) else ""


def telling(printed: str) -> list[str]:
    """The lines that are none of what ssh, bash and Ray always print."""
    return [line for line in _lines(printed) if not CHATTER.search(line)]


def _copy(arguments: list[str]) -> None:
    try:
        done = _run(arguments, COPIED_WITHIN)
    except subprocess.TimeoutExpired:
        raise UserError(f"ray {arguments[0]} did not end within {COPIED_WITHIN:g} s.") from None
    if done.returncode != 0:
        said = telling(done.stderr)[:2] or [last_line(done.stdout)]  # ssh or rsync comes first, what that means to rsync next
        raise UserError(f"ray {' '.join(arguments)} failed: {'; '.join(said)}")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _run(arguments: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RAY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds)


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return "." in word and word.replace(".", "").replace("-", "").isalnum()  # a host's name
    return True

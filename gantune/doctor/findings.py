"""A node's account of itself, beside this machine's, as findings. Pure but for the shared folder, of which it reads what arrived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantune.doctor import words
from gantune.doctor.check import Check
from gantune.doctor.shared import Token
from gantune.runtime.nodes import Answer, Node

Facts = Mapping[str, Any]

MUST_BE_EQUAL = ("python", "ray", "gantune")
NAMES = {"python": "Python", "ray": "Ray", "gantune": "gantune", "torch": "torch"}
SHARE = "Mount one folder (NFS, EFS, Lustre) at the same path on every node and give it with --runs DIR, or GANTUNE_RUNS."
WRITE = "Run Ray as the same user on every node, or open the folder to them: chmod."
CLOCK_SECONDS = 2.0


def differing(here: Facts, there: Facts) -> dict[str, str]:
    """What a node has otherwise than this machine in a way that trials would feel, by name, in words. Of Python the third number is free,
    as it is for Ray itself."""
    found = {}
    for name in MUST_BE_EQUAL:
        if there[name] is None:
            found[name] = f"{NAMES[name]} is not installed there"
        elif _comparable(name, there[name]) != _comparable(name, here[name]):
            found[name] = f"{NAMES[name]} {there[name]}, here {here[name]}"
    if "gantune" not in found and there["code"] != here["code"]:
        found["gantune"] = f"gantune {there['gantune']} of other files than here ({there['code']}, here {here['code']})"
    return found


def mend_of(name: str, here: Facts) -> str:
    """How a node comes to this machine's version."""
    if name == "gantune":
        return "Install this machine's gantune there, into the Python that runs Ray: pip install PATH, by setup_commands on all nodes."
    return f"Give every node {NAMES[name]} {here[name]}, such as by one docker image, and start Ray there anew."


def of_node(answer: Answer, here: Facts, token: Token, runs: str) -> list[Check]:
    """All findings about a node that has answered."""
    node, facts = answer.node.name, answer.value
    checks = [*_versions(node, here, facts["versions"]), *_gpus(answer.node, facts["gpus"], facts["mps"])]
    checks.append(_shared(answer.node, token, facts["shared"]))
    checks.append(
        words.disk("free disk", facts["free"][runs], 2, "Free some space, or set storage.checkpoints_gb in the sweep's file.", node)
    )
    checks.append(words.disk("free /tmp", facts["free"]["/tmp"], 1, "Ray logs and spills there: free some space, or give it a disk.", node))
    checks.append(words.memory(facts["memory"], 2, "A trial wants 1 GiB and Ray another: give the node more, or fewer slots.", node))
    checks.append(words.shm(facts["shm"], node))
    if facts["tracker"] is not None:
        checks.append(words.tracker(facts["tracker"]["uri"], facts["tracker"], node))
    return checks


def unreachable(answer: Answer, token: str) -> Check:
    """A node that has not answered."""
    mend = "See `ray status` and /tmp/ray/session_latest/logs/raylet.out there; end its Ray with `ray stop` if it is stuck."
    if token == "token":
        mend = f"Is the cluster's token (~/.ray/auth_token, or RAY_AUTH_TOKEN) there? {mend}"
    return Check("answers", False, str(answer.problem), mend, answer.node.name)


def clock(answer: Answer) -> Check | None:
    """How far a node's clock is from this machine's: between what it would be had the question, or the answer, taken no time."""
    if answer.problem is not None:
        return None
    low, high = answer.value - answer.answered, answer.value - answer.asked
    apart = 0.0 if low <= 0 <= high else min(low, high, key=abs)
    mend = (
        "Start NTP there (timedatectl set-ntp true). gantune orders nothing by it, but TLS certificates can be refused, and times in logs "
        "and of files do not fit together."
    )
    found = f"{apart:+.1f} s to this machine's" if abs(apart) >= 0.05 else "as this machine's"
    return Check("clock", abs(apart) <= CLOCK_SECONDS, found, mend, answer.node.name)


def _versions(node: str, here: Facts, there: Facts) -> list[Check]:
    wrong = differing(here, there)
    checks = []
    for name in MUST_BE_EQUAL:
        checks.append(Check(NAMES[name], name not in wrong, wrong.get(name, str(there[name])), mend_of(name, here), node))
    missing = there["torch"] is None
    found = "torch is not installed there" if missing else f"{there['torch']}{_beside(here['torch'], there['torch'])}"
    checks.append(Check("torch", not missing, found, "Install torch there, into the Python that runs Ray.", node))
    return checks


def _beside(here: str | None, there: str) -> str:
    return "" if here == there else f", here {here}: seeds do not give equal numbers on both"


def _comparable(name: str, version: str) -> str:
    return ".".join(version.split(".")[:2]) if name == "python" else version


def _gpus(node: Node, seen: Facts, mps: Facts) -> list[Check]:
    counted = int(node.gpus)
    if seen["count"] is None:
        return [Check("GPUs", False, f"Ray counts {counted}; {seen['error']}", "See `nvidia-smi` and torch.version.cuda there.", node.name)]
    found = f"Ray counts {counted}, torch sees {seen['count']}" if counted or seen["count"] else "none"
    mend = "Trials there would train on the CPU: compare `nvidia-smi` with torch.version.cuda; in Docker give --gpus all."
    if counted < seen["count"]:
        mend = f"Start Ray there with --num-gpus={seen['count']}, or hide the others from it with CUDA_VISIBLE_DEVICES."
    checks = [Check("GPUs", counted == seen["count"], found, mend, node.name)]
    return [*checks, _mps(node.name, mps)] if counted else checks


def _mps(node: str, mps: Facts) -> Check:
    if mps["runs"]:
        return Check("MPS", True, f"runs ({mps['folder']})", node=node)
    mend = "Start `nvidia-cuda-mps-control -d` on the host; in Docker mount its folder and give --ipc=host."
    if mps["given"]:
        return Check("MPS", False, f"CUDA_MPS_PIPE_DIRECTORY is {mps['folder']}, where no control pipe is", mend, node)
    return Check("MPS", True, "off: trials that share a GPU (resources.gpu below 1) take turns on it", node=node)


def _shared(node: Node, token: Token, answer: Facts) -> Check:
    problem = token.problem(node.id, answer)
    if problem is not None:
        return Check("runs folder", False, problem, WRITE if answer["failed"] == "write" else SHARE, node.name)
    return Check("runs folder", True, f"{token.folder} is shared ({1000 * answer['seconds']:.0f} ms)", node=node.name)

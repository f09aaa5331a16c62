"""What must hold on every node before a sweep starts there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gantune.doctor import node
from gantune.doctor.findings import SHARE, WRITE, Facts, differing, mend_of
from gantune.doctor.shared import Token, token_in
from gantune.errors import UserError
from gantune.runtime.nodes import Answer, alive, ask

SECONDS = 15.0  # for a node to answer


def check_cluster(folder: Path, seconds: float = SECONDS) -> list[str]:
    """Every node of the cluster that this process is connected to sees `folder`, which exists, as this machine does, and has its versions.
    `UserError` for those that do not; else notes."""
    try:
        with token_in(folder) as token:
            answers = ask(alive(), node.glance, lambda one: {"token": str(token.place), "node": one.id}, seconds=seconds)
            return judged(answers, token, node.versions())
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}. Choose another runs folder with --runs.") from None


def judged(answers: Sequence[Answer], token: Token, here: Facts) -> list[str]:
    """As `check_cluster`, of what the nodes answered."""
    notes = [f"node {answer.node.name} {answer.problem}; `gantune doctor` tells more" for answer in answers if answer.problem is not None]
    answered = [answer for answer in answers if answer.problem is None]
    for name in ("python", "ray", "gantune"):  # of these first: with another gantune the rest may mean something else
        wrong = {answer.node.name: differing(here, answer.value["versions"]).get(name) for answer in answered}
        _refuse({one: what for one, what in wrong.items() if what is not None}, mend_of(name, here))
    blind = {answer.node.name: token.problem(answer.node.id, answer.value["shared"]) for answer in answered}
    may_not = all(answer.value["shared"]["failed"] == "write" for answer in answered if blind[answer.node.name] is not None)
    _refuse({one: what for one, what in blind.items() if what is not None}, WRITE if may_not else SHARE)
    other = sorted({str(answer.value["versions"]["torch"]) for answer in answered} - {str(here["torch"])})
    if other:
        notes.append(f"torch {', '.join(other)} on some nodes, here {here['torch']}: seeds do not give equal numbers on both")
    return notes


def _refuse(wrong: dict[str, str], mend: str) -> None:
    if not wrong:
        return
    first = next(iter(wrong))
    others = sorted(set(wrong) - {first})
    more = f" So it is with {', '.join(others[:3])}{' and others' if len(others) > 3 else ''}." if others else ""
    raise UserError(f"node {first}: {wrong[first]}.{more}\n{mend}")

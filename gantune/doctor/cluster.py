"""Examines a cluster: who is there, and on each node what trials will meet."""

from __future__ import annotations

import os
from pathlib import Path

from gantune.doctor import findings, node
from gantune.doctor.check import Check
from gantune.doctor.expected import check_nodes, read_expected
from gantune.doctor.shared import Token, made, token_in
from gantune.errors import UserError
from gantune.runtime.nodes import Answer, Node, alive, ask
from gantune.runtime.session import session

SECONDS = 45.0  # for a node to answer: Ray starts a worker there, torch looks for GPUs, the tracker may keep silent
CLOCK_SECONDS = 5.0


def examine_cluster(runs: Path, seconds: float = SECONDS) -> list[Check]:
    """Findings about the cluster that RAY_ADDRESS names, node by node; all nodes are asked at the same time."""
    try:
        with session():
            auth = os.environ.get("RAY_AUTH_MODE", "").lower()  # which Ray itself may have turned on, having found a token
            nodes = alive()
            checks = [_expected(nodes, auth)]
            try:
                with made(runs), token_in(runs) as token:
                    return [*checks, *_of_nodes(nodes, token, str(runs.absolute()), auth, seconds)]
            except OSError as error:
                mend = "The runs folder must be one that all nodes share and may write; give another with --runs DIR."
                return [*checks, Check("runs folder", False, f"{runs} cannot be written: {error.strerror}", mend)]
    except UserError as error:
        mend = (
            "Something listens there and does not take this process: give it the cluster's token (RAY_AUTH_MODE=token) and version of Ray."
        )
        return [Check("cluster", False, str(error).splitlines()[0], mend)]


def _of_nodes(nodes: list[Node], token: Token, runs: str, auth: str, seconds: float) -> list[Check]:
    tracker = os.environ.get("MLFLOW_TRACKING_URI")
    here = node.versions()
    answers = ask(
        nodes,
        node.examine,
        lambda one: {"token": str(token.place), "node": one.id, "gpus": one.gpus, "runs": runs, "tracker": tracker},
        seconds=seconds,
    )
    there = [answer.node for answer in answers if answer.problem is None]
    clocks = {answer.node.id: findings.clock(answer) for answer in ask(there, node.clock, lambda one: None, seconds=CLOCK_SECONDS)}
    checks: list[Check] = []
    for answer in answers:
        checks += _of_one(answer, clocks.get(answer.node.id), here, token, runs, auth)
    return checks


def _of_one(answer: Answer, clock: Check | None, here: findings.Facts, token: Token, runs: str, auth: str) -> list[Check]:
    if answer.problem is not None:
        return [findings.unreachable(answer, auth)]
    return [*findings.of_node(answer, here, token, runs), *([] if clock is None else [clock])]


def _expected(nodes: list[Node], auth: str) -> Check:
    try:
        return check_nodes(nodes, read_expected(Path.home()), auth)
    except UserError as error:
        return Check("nodes", False, str(error), "Run `ray up` again, which writes it anew.")

"""The nodes of the cluster that this process is connected to, and one small question to each of them at the same time."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gantune.runtime.machines import HEAD


@dataclass(frozen=True)
class Node:
    """One node that Ray counts as alive."""

    id: str
    name: str  # its host's name; with the beginning of its id where several nodes share a host
    address: str
    gpus: float
    is_head: bool


@dataclass(frozen=True)
class Answer:
    """What a node said, or why it said nothing; asked and answered in seconds of this machine's clock."""

    node: Node
    value: Any = None
    problem: str | None = None
    asked: float = 0.0
    answered: float = 0.0


def alive() -> list[Node]:
    """All nodes, the head first, then by name."""
    entries = [entry for entry in ray.nodes() if entry["Alive"]]
    hosts = Counter(entry["NodeManagerHostname"] for entry in entries)
    nodes = []
    for entry in entries:
        id, host, resources = entry["NodeID"], entry["NodeManagerHostname"], entry["Resources"]
        name = host if hosts[host] == 1 else f"{host}/{id[:6]}"
        nodes.append(Node(id, name, entry["NodeManagerAddress"], resources.get("GPU", 0.0), HEAD in resources))
    return sorted(nodes, key=lambda node: (not node.is_head, node.name))


def ask(nodes: Sequence[Node], question: Callable[[Any], Any], argument: Callable[[Node], Any], *, seconds: float) -> list[Answer]:
    """`question(argument(node))` on each node, all at once, in the order of `nodes`. One that does not answer in time holds up nothing.

    The question's module travels by value, so that a node needs nothing of gantune to be asked.
    """
    deadline = time.monotonic() + seconds
    sent: dict[Any, tuple[Node, float]] = {}
    with _by_value(question):
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node.id, soft=False)
            remote = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(question)
            sent[remote.remote(argument(node))] = node, time.time()
    answers: dict[str, Answer] = {}
    waiting = list(sent)
    while waiting and (left := deadline - time.monotonic()) > 0:
        ready, waiting = ray.wait(waiting, timeout=left)
        for future in ready:
            node, asked = sent[future]
            answers[node.id] = _answer(future, node, asked)
    for future in waiting:
        node, asked = sent[future]
        answers[node.id] = Answer(node, problem=f"does not answer within {seconds:g} s", asked=asked)
        with contextlib.suppress(ray.exceptions.RayError):
            ray.cancel(future, force=True)
    return [answers[node.id] for node in nodes]


def _answer(future: Any, node: Node, asked: float) -> Answer:
    now = time.time()
    try:
        return Answer(node, ray.get(future), None, asked, now)
    except ray.exceptions.AuthenticationError:
        return Answer(node, problem="does not take this cluster's token", asked=asked)
    except ray.exceptions.RayError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Answer(node, problem=f"could not be asked: {lines[-1].strip()[:200]}", asked=asked)


@contextlib.contextmanager
def _by_value(question: Callable[[Any], Any]) -> Iterator[None]:
    module = sys.modules[question.__module__]
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)

"""The machines of a cluster, and how many trials find a place on them: a trial lies on one machine, and a share of a GPU on one GPU."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

HEAD = "node:__internal_head__"  # a resource that Ray gives to the head alone


class Machine(NamedTuple):
    """What Ray counts on one node."""

    cpus: float
    gpus: float

    def places(self, cpu: float, gpu: float) -> float:
        """How many trials that each take so much fit on it at once."""
        whole = self.gpus // gpu if gpu >= 1 else self.gpus * (round(1 / gpu, 6) // 1) if gpu else math.inf
        return min(self.cpus // cpu if cpu else math.inf, whole)


def machine_of(resources: Mapping[str, float]) -> Machine:
    """Of a node's resources, as Ray names them."""
    return Machine(resources.get("CPU", 0.0), resources.get("GPU", 0.0))


def total(machines: Iterable[Machine]) -> Machine:
    """CPUs and GPUs of all."""
    machines = list(machines)
    return Machine(sum(one.cpus for one in machines), sum(one.gpus for one in machines))


def parted(nodes: Iterable[Mapping[str, Any]]) -> tuple[list[Machine], list[Machine]]:
    """The head (none when it is not among them) and the other machines, of those in `ray.nodes()` that are alive."""
    there = [node["Resources"] for node in nodes if node["Alive"]]
    head = [machine_of(resources) for resources in there if HEAD in resources]
    return head, [machine_of(resources) for resources in there if HEAD not in resources]

"""What nodes say, made up."""

from __future__ import annotations

from typing import Any

from gantune.runtime.nodes import Answer, Node

GIB = 2**30
HERE = {"python": "3.11.7", "ray": "2.60.0", "torch": "2.14.1", "gantune": "0.1.0", "code": "abc"}


def node(name: str = "b", gpus: float = 0, address: str = "10.0.0.2", is_head: bool = False) -> Node:
    return Node(f"id-{name}", name, address, gpus, is_head)


def facts(content: str, **changed: Any) -> dict[str, Any]:
    """A node on which all is well."""
    return {
        "versions": dict(HERE),
        "shared": {"failed": None, "content": content, "seconds": 0.002},
        "gpus": {"count": 0},
        "mps": {"folder": "/tmp/nvidia-mps", "given": False, "runs": False},
        "free": {"/shared/runs": 100 * GIB, "/tmp": 50 * GIB},
        "memory": 64 * GIB,
        "shm": 8 * GIB,
        "tracker": None,
    } | changed


def answer(of: Node, value: Any = None, problem: str | None = None) -> Answer:
    return Answer(of, value, problem, 100.0, 100.01)

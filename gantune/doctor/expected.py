"""The nodes that `ray up` was asked for, as the head's own copy of the cluster's file tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantune.doctor.check import Check
from gantune.runtime.nodes import Node
from gantune.yaml_file import read_yaml

FILE = "ray_bootstrap_config.yaml"  # in the home folder of the head's user


@dataclass(frozen=True)
class Expected:
    """At least so many nodes, the head counted; and the addresses of all machines that may be nodes, where the file lists them."""

    count: int
    addresses: tuple[str, ...] = ()


def read_expected(home: Path) -> Expected | None:
    """What the file in `home` says; None where there is none, as on a cluster that no `ray up` made. `UserError` when it is damaged."""
    if not (home / FILE).is_file():
        return None
    return expected_of(read_yaml(home / FILE, f"~/{FILE}").content)


def expected_of(content: Mapping[str, Any]) -> Expected:
    """The head, and the workers that each kind of node has at least."""
    kinds = content.get("available_node_types") or {}
    workers = sum(int((kind or {}).get("min_workers") or 0) for kind in kinds.values())
    provider = content.get("provider") or {}
    listed = provider.get("worker_ips") or []
    head = [provider["head_ip"]] if provider.get("head_ip") else []
    if not kinds:
        workers = int(content.get("min_workers", len(listed)))
    return Expected(1 + workers, tuple(map(str, [*head, *listed])))


def check_nodes(nodes: Sequence[Node], expected: Expected | None, token: str) -> Check:
    """Whether all that are expected are there. `token` is RAY_AUTH_MODE."""
    if expected is None:
        return Check("nodes", True, f"{len(nodes)} alive (no ~/{FILE} here says how many there should be)")
    gone = [address for address in expected.addresses if address not in {node.address for node in nodes}]
    told = f"; not there: {', '.join(gone)}" if gone else ""
    mend = "See `ray status`, and on the head /tmp/ray/session_latest/logs/monitor.log: machines that could not be had or set up."
    if token == "token":
        mend = f"RAY_AUTH_MODE is token: a node without the cluster's token (~/.ray/auth_token, RAY_AUTH_TOKEN) cannot join. {mend}"
    found = f"{len(nodes)} alive; ~/{FILE} wants {expected.count} or more{told}"
    return Check("nodes", len(nodes) >= expected.count, found, mend)

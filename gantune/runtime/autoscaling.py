"""What a cluster may grow to: the machines that its autoscaler may start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gantune.runtime.machines import Machine, machine_of


def autoscaler_config(gcs: str) -> dict[str, Any] | None:
    """The configuration of the autoscaler that runs on this machine for the cluster at `gcs` (HOST:PORT); None where there is none.

    The autoscaler is a process of Ray's on the head, started with the path of its configuration; Ray itself does not tell it.
    """
    for words in _command_lines():
        if any(word.endswith("monitor.py") for word in words) and f"--gcs-address={gcs}" in words:
            for path in (word.partition("=")[2] for word in words if word.startswith("--autoscaling-config=")):
                return _read(Path(path).expanduser())
    return None


def may_have(config: Mapping[str, Any], workers: Sequence[Machine]) -> list[Machine]:
    """The machines beside the head that `config` allows at once, those with the most GPUs first.

    Where a node type does not say what its machines have, as on premises, those to come are taken for like the smallest of the `workers`.
    """
    limit = int(config.get("max_workers", 0))
    smallest = Machine(min((one.cpus for one in workers), default=0.0), min((one.gpus for one in workers), default=0.0))
    machines: list[Machine] = []
    for about in config.get("available_node_types", {}).values():
        shape = machine_of(about["resources"]) if about.get("resources") else smallest
        machines += [shape] * min(limit, int(about.get("max_workers", limit)))
    return sorted(machines, key=lambda one: (one.gpus, one.cpus), reverse=True)[:limit]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text())
    except (OSError, YAMLError):  # another user's, or gone since: what is there counts
        return None
    return content if isinstance(content, dict) else None


def _command_lines() -> Iterator[list[str]]:
    """Of all processes of this machine; none on systems without /proc, which no head runs on."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_text(errors="replace").split("\0")
        except OSError:  # it has ended
            continue

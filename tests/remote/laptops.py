"""A laptop with a cluster.yaml, and a stand-in for Ray's command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gantune import __version__

HERE = Path(__file__).parent
CLUSTER = """
cluster_name: lab
provider: {type: local, head_ip: 10.77.0.10, worker_ips: [10.77.0.11]}
"""


class Laptop:
    """A folder with a cluster.yaml; `place` is what the stand-in sees as the head."""

    def __init__(self, folder: Path, place: Path, temporary: Path) -> None:
        self.folder, self.place, self.temporary = folder, place, temporary
        place.mkdir()
        temporary.mkdir()
        (place / "home").mkdir()
        (folder / "cluster.yaml").write_text(CLUSTER)

    def has_run_ray_up(self, name: str = "lab", **config: Any) -> None:
        """Leave the trace that `ray up` leaves."""
        content = {"_version": 1, "config": {"cluster_name": name, "provider": {"type": "local"}, **config}}
        (self.temporary / f"ray-config-{name}").write_text(json.dumps(content))

    def answers(self, **verbs: dict[str, Any]) -> None:
        """What the head answers, in place of gantune there."""
        standing = {"--prepare": {}, "--facts": {}}
        (self.place / "answers.json").write_text(
            json.dumps({name: {"version": __version__} | said for name, said in (standing | verbs).items()})
        )

    @property
    def calls(self) -> list[list[str]]:
        """What Ray was called with."""
        file = self.place / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []

    def commands(self) -> list[str]:
        """The verbs with their words that the head was asked for."""
        return [call[-1].partition("gantune.remote.far ")[2] for call in self.calls if call[0] == "exec"]


def standin() -> Sequence[str]:
    """Ray's command line, played."""
    return [sys.executable, str(HERE / "standin_ray.py")]

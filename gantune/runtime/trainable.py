"""Ray Tune's side of a worker. Checkpoints and errors are ours (see work.py); Tune only restarts a worker that died."""

from __future__ import annotations

import json
from typing import Any

import ray
from ray import tune

from gantune.runtime.work import Work


class Trainable(tune.Trainable):  # type: ignore[misc]
    """One actor, many trials: `setup` and `reset_config` only note the plan, so that neither can fail."""

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> Any:
        """What the trial needs; workers are reused for trials that need the same."""
        return tune.PlacementGroupFactory([{"CPU": config["cpu"], "GPU": config["gpu"]}])

    def setup(self, config: dict[str, Any]) -> None:
        self._work = Work(config["opener"])
        self._work.start(json.loads(config["plan"]))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._work.start(json.loads(new_config["plan"]))
        return True

    def step(self) -> dict[str, Any]:
        return {"gantune": json.dumps(self._work.step()), "node": ray.get_runtime_context().get_node_id()}

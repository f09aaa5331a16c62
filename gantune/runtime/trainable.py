"""Ray Tune's side of a worker. Checkpoints and errors are ours (see work.py); Tune only restarts a worker that died."""

from __future__ import annotations

import json
from typing import Any

from ray import tune

from gantune.runtime.work import Work


class Trainable(tune.Trainable):  # type: ignore[misc]
    """One actor, many trials: `setup` and `reset_config` only note the plan, so that neither can fail."""

    def setup(self, config: dict[str, Any]) -> None:
        self._work = Work(config["opener"])
        self._work.start(json.loads(config["plan"]))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._work.start(json.loads(new_config["plan"]))
        return True

    def step(self) -> dict[str, Any]:
        return {"gantune": json.dumps(self._work.step())}

"""Ray Tune around the director: its searcher and scheduler in a few lines each, and the run itself."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from ray import tune
from ray.exceptions import OutOfMemoryError
from ray.tune import CheckpointConfig
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from gantune.runtime.director import Director
from gantune.runtime.stopping import Halt, StopRequests
from gantune.runtime.trainable import Trainable
from gantune.runtime.work import TRIAL

DIED = "its worker died"
FEWER = "a sweep with --set resources.cpu=2 trains half as many at once"
MAX_LOSSES = 3  # of a trial's worker, before it is given up
QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths stay what the user meant
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the spool is the log
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # signals are ours
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # our own records are the source of truth
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


class DirectedSearch(Searcher):  # type: ignore[misc]
    """Hands the director's plans to Tune."""

    def __init__(self, director: Director, opener: str) -> None:
        super().__init__("kimg", "min")
        self._director, self._opener = director, opener
        self.names: dict[str, str] = {}  # Tune's id → ours
        self.failures: dict[str, str] = {}  # Tune's id → why its worker died last

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        plan = self._director.next_plan()
        if plan is not None:
            self.names[trial_id] = plan["trial"]
            return {"plan": json.dumps(plan), "opener": self._opener}
        return str(Searcher.FINISHED) if self._director.is_exhausted else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Ends are known from `take`; what arrives here with an error is a trial whose workers died too often."""
        if error:
            self._director.given_up(self.names[trial_id], self.failures.get(trial_id, DIED))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the search is rebuilt from the spool."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the search is rebuilt from the spool."""


class DirectedScheduler(FIFOScheduler):  # type: ignore[misc]
    """Asks the director whether to go on, and tells it of dead workers.

    Tune's callbacks would do for that, but with any callback Tune imports every logger that it has an integration for.
    """

    def __init__(self, director: Director, stops: StopRequests, search: DirectedSearch) -> None:
        super().__init__()
        self._director, self._stops, self._search = director, stops, search

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """None: Tune starts waiting trials in their order. One that is named here takes the next worker that falls free, and Tune then
        kills the worker that is still starting for it, again and again while trials are shorter than a worker's start."""
        self._stops.poll()  # Tune asks this in every turn of its loop

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        stop = self._director.take(json.loads(result["gantune"]))
        return str(FIFOScheduler.STOP if stop else FIFOScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self._search.failures[trial.trial_id] = _why(trial)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        if trial.trial_id in self._search.failures:  # not new, but to be run again
            self._director.lost(self._search.names[trial.trial_id], self._search.failures[trial.trial_id])


def run_search(director: Director, stops: StopRequests, *, storage: Path, slots: int, cpu: float, gpu: float, opener: str = TRIAL) -> None:
    """Run the director's trials on Ray until it has no more. Raises `Halt` when asked to stop, or when Ray killed workers for memory."""
    os.environ.update(QUIET | {"TUNE_MAX_PENDING_TRIALS_PG": str(slots)})
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    search = DirectedSearch(director, opener)
    try:
        tune.run(
            Trainable,
            name=storage.name,
            storage_path=str(storage.parent),
            resources_per_trial={"cpu": cpu, "gpu": gpu},
            num_samples=-1,
            search_alg=search,
            scheduler=DirectedScheduler(director, stops, search),
            max_failures=MAX_LOSSES,
            raise_on_failed_trial=False,
            reuse_actors=True,
            verbose=0,
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False, checkpoint_frequency=0),
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        )
    except RuntimeError as error:  # of all a worker's deaths Tune does not survive this one
        if not isinstance(error.__cause__, OutOfMemoryError):
            raise
        raise Halt(f"workers were killed, as their machine ran out of memory; {FEWER}") from None


def _name(trial: Any) -> str:
    return str(trial.trial_id)


def _why(trial: Any) -> str:
    """The last line of the last failure that Tune noted, such as `OSError: [Errno 28] No space left on device`."""
    try:
        lines = [line.strip() for line in Path(trial.error_file).read_text().splitlines() if line.strip()]
    except (OSError, TypeError):  # Tune keeps the file where it can
        lines = []
    return lines[-1].split(" Worker exit type")[0][:300] if lines else DIED

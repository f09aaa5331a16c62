"""Ray Tune around the director: its searcher and scheduler in a few lines each, and the run itself."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray import tune
from ray.exceptions import OutOfMemoryError
from ray.tune import CheckpointConfig
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from gantune.runtime.cluster_view import is_leaving
from gantune.runtime.director import Director
from gantune.runtime.failures import Failure, failure_of
from gantune.runtime.stopping import StopRequests
from gantune.runtime.trainable import Trainable
from gantune.runtime.watchdog import Crew, Watchdog
from gantune.runtime.work import TRIAL

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
    """Hands the director's plans to Tune. A trial that goes on after a loss is another one to Tune, perhaps with other resources."""

    def __init__(self, director: Director, opener: str, cpu: float) -> None:
        super().__init__("kimg", "min")
        self._director, self._opener, self.cpu = director, opener, cpu
        self.names: dict[str, str] = {}  # Tune's id → ours, of those under way
        self.failures: dict[str, Failure] = {}  # Tune's id → why its worker was lost
        self.nodes: dict[str, str] = {}  # Tune's id → where its worker reported from

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        plan = self._director.next_plan()
        if plan is not None:
            self.names[trial_id] = plan["trial"]
            share = self._director.share_of(plan["trial"])
            return {"plan": json.dumps(plan), "opener": self._opener, "cpu": self.cpu, "gpu": share}
        return str(Searcher.FINISHED) if self._director.is_exhausted else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Ends are known from `take`; what arrives here with an error is a trial whose worker is lost."""
        name = self.names.pop(trial_id, None)
        self.nodes.pop(trial_id, None)
        if error and name is not None:
            self._director.lost(name, self.failures.pop(trial_id, failure_of("")))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the search is rebuilt from the spool."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the search is rebuilt from the spool."""


class DirectedScheduler(FIFOScheduler):  # type: ignore[misc]
    """Asks the director whether to go on, and notes what became of lost workers.

    Tune's callbacks would do for that, but with any callback Tune imports every logger that it has an integration for.
    """

    def __init__(self, director: Director, stops: StopRequests, search: DirectedSearch, watchdog: Watchdog) -> None:
        super().__init__()
        self._director, self._stops, self._search, self._watchdog = director, stops, search, watchdog

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """None: Tune starts waiting trials in their order. One that is named here takes the next worker that falls free, and Tune then
        kills the worker that is still starting for it, again and again while trials are shorter than a worker's start."""
        self._stops.poll()  # Tune asks this in every turn of its loop
        self._watchdog.poll(lambda: self._crew(tune_controller.get_trials()))

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Each of Tune's trials has one life: else it would itself run one again whose node was preempted, and not ask."""
        trial.run_metadata.num_failures = 1

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        self._watchdog.progress()
        self._search.nodes[trial.trial_id] = result["node"]
        stop = self._director.take(json.loads(result["gantune"]))
        return str(FIFOScheduler.STOP if stop else FIFOScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        leaving = is_leaving(self._search.nodes.get(trial.trial_id))
        self._search.failures[trial.trial_id] = failure_of(_told(trial), leaving=leaving)

    def _crew(self, trials: Sequence[Any]) -> Crew:
        shares = {
            trial: self._director.share_of(self._search.names[trial.trial_id]) for trial in trials if trial.trial_id in self._search.names
        }
        running = {trial: share for trial, share in shares.items() if trial.status == trial.RUNNING}
        waiting = [share for trial, share in shares.items() if trial not in running]
        started = {trial.trial_id for trial in running}
        return Crew(started, len(waiting), self._search.cpu, max(waiting, default=0.0), sum(running.values()))


def run_search(
    director: Director, stops: StopRequests, watchdog: Watchdog, *, storage: Path, slots: int, cpu: float, opener: str = TRIAL
) -> None:
    """Run the director's trials on Ray until it has no more. Raises `Halt` when asked to stop, or when all is in vain."""
    os.environ.update(QUIET | {"TUNE_MAX_PENDING_TRIALS_PG": str(slots)})
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    while not director.is_exhausted:
        search = DirectedSearch(director, opener, cpu)
        try:
            tune.run(
                Trainable,
                name=storage.name,
                storage_path=str(storage.parent),
                num_samples=-1,
                search_alg=search,
                scheduler=DirectedScheduler(director, stops, search, watchdog),
                max_failures=0,
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
            director.killed_for_memory(failure_of(error.__cause__))


def _name(trial: Any) -> str:
    return str(trial.trial_id)


def _told(trial: Any) -> str:
    """The words that Tune has kept of why the trial's worker was lost; it keeps them where it can."""
    try:
        return Path(trial.error_file).read_text()
    except (OSError, TypeError):
        return ""

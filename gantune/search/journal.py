"""The search's record on disk, for optuna-dashboard: written, never read back."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


EVERY = 1.0  # seconds between writes while trials only report; an append costs a lock and a disk flush


class _Lines(BaseJournalBackend):
    """The end of a journal in memory, so that many lines are written to disk at once. Its storage has read each line once it is there."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []
        self._gone = 0

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        assert log_number_from >= self._gone, "these lines are gone"
        return self.logs[log_number_from - self._gone :]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.logs.extend(json.loads(json.dumps(logs)))

    def drop(self) -> None:
        """Let go of the lines, which are on disk."""
        self._gone += len(self.logs)
        self.logs.clear()


class Journal:
    """Mirrors a study into the journal file at `path`, which is replaced at the start by the study as it stands.

    Reports reach the file within a second or with the next start or end of a trial. A file that cannot be written is given up with a
    warning: the search does not depend on it.
    """

    def __init__(self, path: Path, study: optuna.Study) -> None:
        self.path = path
        self._storage: JournalStorage | None = None
        self._ids: dict[int, int] = {}  # trial number in the study -> trial id in the journal
        try:
            self._start(study)
        except OSError as error:
            self._give_up(error)

    def started(self, trial: FrozenTrial) -> None:
        """A running trial with its parameters."""

        def write(storage: JournalStorage) -> None:
            study_id = storage.get_study_id_from_name(self._name)
            self._ids[trial.number] = storage.create_new_trial(study_id, template_trial=_bare(trial))

        self._write(write)

    def reported(self, number: int, step: int, value: float) -> None:
        """An intermediate value."""
        self._write(lambda storage: storage.set_trial_intermediate_value(self._ids[number], step, value), at_once=False)

    def ended(self, trial: FrozenTrial) -> None:
        """A trial's end, with its reason."""

        def write(storage: JournalStorage) -> None:
            storage.set_trial_user_attr(self._ids[trial.number], "reason", trial.user_attrs["reason"])
            storage.set_trial_state_values(self._ids[trial.number], trial.state, trial.values)

        self._write(write)

    def _start(self, study: optuna.Study) -> None:
        self._name = study.study_name
        lines = _Lines()
        storage = JournalStorage(lines)
        study_id = storage.create_new_study(study.directions, self._name)
        for key, value in study.user_attrs.items():
            storage.set_study_user_attr(study_id, key, value)
        for trial in study.trials:
            self._ids[trial.number] = storage.create_new_trial(study_id, template_trial=_bare(trial))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        partial.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines.logs), encoding="utf-8")
        os.replace(partial, self.path)
        self.path.with_name(self.path.name + ".lock").unlink(missing_ok=True)  # of a driver that was killed while it wrote
        self._file = JournalFileBackend(str(self.path))
        lines.drop()
        self._lines, self._wrote_at = lines, time.monotonic()
        self._storage = storage

    def _write(self, write: Callable[[JournalStorage], Any], at_once: bool = True) -> None:
        if self._storage is None:
            return
        try:
            write(self._storage)
            if at_once or time.monotonic() - self._wrote_at > EVERY:
                self._file.append_logs(self._lines.logs)
                self._lines.drop()
                self._wrote_at = time.monotonic()
        except (OSError, RuntimeError, ValueError, KeyError) as error:  # disk full, its lock, a file that another program changed
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._storage = None
        log.warning("%s is no longer written (%s): optuna-dashboard will not show what comes; a resume makes it whole.", self.path, error)


def _bare(trial: FrozenTrial) -> FrozenTrial:
    """Without the samplers' own notes, which nothing else needs."""
    return optuna.trial.create_trial(
        state=trial.state,
        values=trial.values,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        intermediate_values=trial.intermediate_values,
    )

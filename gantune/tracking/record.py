"""A sweep as its spool tells it: trials with their curves and ends, scores, finalists, phases."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gantune.tracking import spool, store
from gantune.tracking.cursor import mlflow_run_ids
from gantune.tracking.lock import driver_of
from gantune.tracking.settings_key import configured_by, measured_with, settings_key
from gantune.tracking.trial_record import LOST, FinalRecord, TrialRecord, device_seconds
from gantune.tracking.troubles import troubles

__all__ = ["FinalRecord", "SweepRecord", "TrialRecord"]

CANONICAL = "canonical"


@dataclass
class SweepRecord:
    """Everything that is known about a sweep from its folder."""

    folder: Path
    about: dict[str, Any]  # what was frozen at the start: created, versions, data
    trials: list[TrialRecord] = field(default_factory=list)
    finals: list[FinalRecord] = field(default_factory=list)
    phases: list[dict[str, Any]] = field(default_factory=list)
    drivers: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> SweepRecord:
        """Read the sweep in `folder`. `UserError` when it is none, or is damaged."""
        record = cls(folder, store.frozen(folder))
        fold = _Fold(record)
        for event in spool.read(folder):
            fold.take(event)
        live = record.status == "running"
        for trial in record.trials:
            trial.seconds = device_seconds(trial.points)
            trial.points.sort(key=lambda point: point["kimg"])
            if trial.state == "running" and not live:
                trial.state = "interrupted"
        return record

    @property
    def name(self) -> str:
        """Such as dcgan-1."""
        return self.folder.name

    @property
    def spec(self) -> dict[str, Any]:
        """The resolved specification."""
        spec: dict[str, Any] = self.about["spec"]
        return spec

    @property
    def objective(self) -> tuple[str, str]:
        """(metric, "min" or "max")."""
        given = self.spec.get("objective") or {}
        return given.get("metric", "fid"), given.get("mode", "min")

    @property
    def status(self) -> str:
        """`running` while a driver holds the sweep; else what its last driver left: `complete`, `stopped` or `interrupted`."""
        if driver_of(self.folder) is not None:
            return "running"
        status = "interrupted"
        for event in self.events:
            if event["kind"] == "driver":
                status = "interrupted"
            elif event["kind"] == "phase" and event["phase"] == "done":
                status = "complete"
            elif event["kind"] == "user" and event.get("trial") is None and event.get("what") == "stop":
                status = "stopped"
        return status

    @property
    def wanted(self) -> int:
        """How many trials it shall have."""
        asked = [int(driver["trials"]) for driver in self.drivers if "trials" in driver]
        return asked[-1] if asked else int((self.spec.get("budget") or {}).get("trials", 0))

    @property
    def families(self) -> tuple[str, ...]:
        """What is searched: one family as it was given, or the names of several."""
        return self.refs if len(self.refs) == 1 else tuple(self.spec["space"]["members"])

    @property
    def refs(self) -> tuple[str, ...]:
        """The families' references, as the spec has them: names, or `path/to/file.py:Class`."""
        family = self.spec.get("family") or "an unnamed family"
        return (family,) if isinstance(family, str) else tuple(family)

    def family_of(self, trial: TrialRecord) -> str:
        """The trial's family, as `families` calls it."""
        return self.families[0] if len(self.families) == 1 else str(trial.params["family"])

    def ref_of(self, trial: TrialRecord) -> str:
        """The reference of the trial's family."""
        return self.refs[self.families.index(self.family_of(trial))]

    @property
    def canonical(self) -> TrialRecord | None:
        """The canonical setting that the best is compared with; among several families that of the best trial's family."""
        settings, best = [trial for trial in self.trials if trial.origin == CANONICAL], self.best
        if len(self.families) > 1 and best is not None:
            settings = [trial for trial in settings if self.family_of(trial) == self.family_of(best)]
        return next(iter(settings), None)

    @property
    def canonical_runs(self) -> str:
        """By what name the finalists' runs of that setting go: among several families it says whose, since the best one may change."""
        canonical = self.canonical if len(self.families) > 1 else None
        return CANONICAL if canonical is None else f"{CANONICAL}-{self.family_of(canonical)}"

    def ranked(self) -> list[TrialRecord]:
        """The best first. Values with different settings are never mixed: the largest group of scored trials, then other groups,
        then the trials with an unscored value, then those with none. Everybody's ranking: `show`, the finalists, the report."""
        sign = 1 if self.objective[1] == "min" else -1
        settings = self.settings()
        sizes = Counter(settings.values())

        def place(trial: TrialRecord) -> tuple[int, int, str, float, int]:
            key, value = settings.get(trial.id), sign * (trial.value or 0.0)
            if key is None:
                return 2 if trial.value is None else 1, 0, "", value, trial.number
            return 0, -sizes[key], key, value, trial.number

        return sorted(self.trials, key=place)

    def settings(self) -> dict[str, str]:
        """For each scored trial the key of what it was measured with; those with one key may be ranked together."""
        measured = {trial.id: (trial.values, measured_with(trial.score)) for trial in self.trials if trial.scored is not None}
        configured = configured_by(measured.values())
        return {id: settings_key(settings, configured) for id, (_, settings) in measured.items()}

    @property
    def best(self) -> TrialRecord | None:
        """The first of `ranked` that has a value."""
        first = next(iter(self.ranked()), None)
        return None if first is None or first.value is None else first

    @property
    def troubles(self) -> str | None:
        """In a line, what the machines did to the trials and how many failed by themselves; None when nothing went wrong."""
        return troubles([(trial.lost, trial.reason) for trial in self.trials])

    @property
    def floor(self) -> dict[str, float]:
        """What real, held-out examples read by the measure that ranks the best trial, and their number `n`; {} where it is unknown."""
        measured = (self.best.score if self.best else None) or {}
        floor, n = measured.get("floor") or {}, (measured.get("provenance") or {}).get("n_floor")
        return dict(floor) | ({"n": n} if floor and n is not None else {})

    def to_json(self) -> dict[str, Any]:
        """What `show --json` prints; values that are not finite are null."""
        runs = mlflow_run_ids(self.folder)
        by_who: dict[str, list[FinalRecord]] = {}
        for final in self.finals:
            by_who.setdefault(final.who, []).append(final)
        summaries = {who: self._summary(who, finals) for who, finals in by_who.items()}
        canonical, reference = self.canonical, self.canonical_runs
        content = {
            "sweep": self.name,
            "status": self.status,
            "objective": dict(zip(("metric", "mode"), self.objective, strict=True)),
            "trials": [_trial_json(trial, runs.get(trial.id)) for trial in self.trials],
            "finalists": [summary for who, summary in summaries.items() if who != reference],
            "canonical": {"trial": canonical.id if canonical else None, **summaries.get(reference, {})},
            "best": self.best.id if self.best else None,
            "floor": self.floor or None,
        }
        finite: dict[str, Any] = strict(content)
        return finite

    def _summary(self, who: str, finals: list[FinalRecord]) -> dict[str, Any]:
        metric = self.objective[0]
        values = [final.metrics[metric] for final in finals if math.isfinite(final.metrics.get(metric, math.nan))]
        return {
            "who": who,
            "mean": statistics.fmean(values) if values else None,
            "std": statistics.stdev(values) if len(values) > 1 else None,
            "runs": [{"seed": final.seed, "kimg": final.kimg, "seconds": final.seconds, "metrics": final.metrics} for final in finals],
        }


class _Fold:
    """Takes events into a record, one at a time."""

    def __init__(self, record: SweepRecord) -> None:
        self.record = record
        self.trials: dict[str, TrialRecord] = {}
        self.seen: set[tuple[str, float]] = set()  # (trial, kimg) of the reports, of which the first counts
        self.finals: dict[str, int] = {}

    def take(self, event: dict[str, Any]) -> None:
        self.record.events.append(event)
        handler = getattr(self, f"_{event['kind']}", None)
        if handler is not None and not spool.is_orphan(event, self.trials):
            handler(event)

    def _driver(self, event: dict[str, Any]) -> None:
        self.record.drivers.append(event)

    def _phase(self, event: dict[str, Any]) -> None:
        self.record.phases.append(event)

    def _trial(self, event: dict[str, Any]) -> None:
        if event["trial"] in self.trials:
            return
        metric, mode = self.record.objective
        trial = TrialRecord(
            event["trial"], event["number"], event["params"], event["values"], event["origin"], event.get("note"), metric, mode
        )
        self.trials[trial.id] = trial
        self.record.trials.append(trial)

    def _report(self, event: dict[str, Any]) -> None:
        point = event["point"]
        key = event["trial"], round(point["kimg"], 6)
        if key in self.seen:
            return
        self.seen.add(key)
        trial = self.trials[event["trial"]]
        trial.points.append(point)
        trial.kimg = max(trial.kimg, point["kimg"])

    def _end(self, event: dict[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.state, trial.reason, trial.evidence = event["state"], event.get("reason"), event.get("evidence")

    def _requeue(self, event: dict[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.state, trial.reason, trial.evidence = "running", None, None
        trial.lost += event.get("loss") in LOST

    def _takeover(self, event: dict[str, Any]) -> None:
        kept = {name: event[name] for name in ("kimg", "donor", "donor_kimg", "params", "values")}
        self.trials[event["trial"]].takeovers.append(kept)

    def _let_go(self, event: dict[str, Any]) -> None:
        self.trials[event["trial"]].let_go += event["files"]

    def _score(self, event: dict[str, Any]) -> None:
        self.trials[event["trial"]].score = {name: value for name, value in event.items() if name not in ("kind", "t", "trial")}

    def _final(self, event: dict[str, Any]) -> None:
        final = FinalRecord(
            event["who"],
            int(event["seed"]),
            event["kimg"],
            event["seconds"],
            event["metrics"],
            event.get("provenance") or {},
            event.get("floor") or {},
            event.get("error"),
        )
        if final.id in self.finals:
            self.record.finals[self.finals[final.id]] = final
        else:
            self.finals[final.id] = len(self.record.finals)
            self.record.finals.append(final)


def _trial_json(trial: TrialRecord, run: str | None) -> dict[str, Any]:
    plain = ("id", "params", "state", "reason", "evidence", "kimg", "seconds", "fid", "metrics", "origin", "note", "best_kimg", "takeovers")
    return {name: getattr(trial, name) for name in plain} | {"score": trial.scored, "mlflow_run_id": run}


def strict(value: Any) -> Any:
    """Content as JSON has it: numbers that are not finite are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: strict(part) for key, part in value.items()}
    return [strict(part) for part in value] if isinstance(value, (list, tuple)) else value

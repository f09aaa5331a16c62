"""What a sweep's events add up to. The driver's state is always this fold of its spool, live and after a restart alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gantune.space.domain import frozen
from gantune.stopping.verdict import COMPLETE, FAILED, PRUNED, Reason
from gantune.tracking.spool import is_orphan
from gantune.tracking.trial_record import device_seconds

STATES: dict[str, str] = {
    **{str(reason): "complete" for reason in COMPLETE},
    **{str(reason): "pruned" for reason in PRUNED},
    **{str(reason): "failed" for reason in FAILED},
    str(Reason.USER): "stopped",
}

Event = Mapping[str, Any]


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples, so that a driver that lives and one that reads the spool know the same values."""
    return {name: frozen(value) for name, value in values.items()}


def number(value: Any) -> float | None:
    """A finite number, or None: the spool writes NaN and infinities as words."""
    try:
        given = float(value)
    except (TypeError, ValueError):
        return None
    return given if math.isfinite(given) else None


@dataclass
class Entry:
    """One trial as its events tell it."""

    id: str
    number: int
    params: dict[str, Any]
    values: dict[str, Any]
    origin: str
    note: str | None = None
    points: dict[float, dict[str, Any]] = field(default_factory=dict)  # by kimg
    state: str = "running"
    reason: str | None = None
    evidence: str | None = None
    cut: str | None = None  # the time budget that cut it short
    best: float | None = None  # running best of the objective
    bests: dict[float, float] = field(default_factory=dict)  # running best by kimg, once there is one
    requeued: int = 0
    takeovers: list[dict[str, Any]] = field(default_factory=list)  # of other trials' checkpoints, in order: kimg, donor, params, values
    let_go: set[str] = field(default_factory=set)  # its files that are gone, for the sweep to stay within its share of the disk

    def setting_before(self, kimg: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """The searched and the complete values that made it what it was when it reached `kimg`."""
        last = next((one for one in reversed(self.takeovers) if one["kimg"] < kimg), None)
        return (self.params, self.values) if last is None else (last["params"], last["values"])

    @property
    def own_bests(self) -> dict[float, float]:
        """`bests` as far as they are due to the values that it began with: up to its first takeover."""
        return {kimg: best for kimg, best in self.bests.items() if not self.takeovers or kimg <= self.takeovers[0]["at"]}

    @property
    def own_best(self) -> float | None:
        """The best that its own values came to."""
        bests = self.own_bests
        return bests[max(bests)] if bests else None

    @property
    def kimg(self) -> float:
        """How far it has trained."""
        return max(self.points, default=0.0)

    @property
    def device_seconds(self) -> float:
        """Seconds that it has kept its device: training and measuring."""
        return device_seconds(self.points.values())

    @property
    def ended(self) -> bool:
        """Whether it has an end."""
        return self.state != "running"


class Ledger:
    """A sweep's trials, scores, finalists and clock, by applying events in order."""

    def __init__(self, objective: str, mode: str, trials: int) -> None:
        self.objective = objective
        self.better = min if mode == "min" else max
        self.total = trials  # how many trials the sweep shall have
        self.trials: dict[str, Entry] = {}
        self.scores: dict[str, Event] = {}
        self.finals: dict[tuple[str, int], Event] = {}
        self.phases: list[str] = []
        self.segment = 0
        self.limits: dict[str, float | None] = {}  # hours, gpu_hours, when a resume changed them
        self.search_seconds = 0.0  # wall clock of search over all segments
        self.device_seconds = 0.0  # over all trials
        self._clock: float | None = None  # the last event's time in this segment's search

    def apply_all(self, events: Iterable[Event]) -> Ledger:
        """Apply each event; gives itself."""
        for event in events:
            self.apply(event)
        return self

    def apply(self, event: Event) -> None:
        """Take one event into account. Kinds that do not matter here are passed over."""
        self._tick(event)
        if is_orphan(event, self.trials):
            return
        take = getattr(self, f"_on_{event['kind']}", None)
        if take is not None:
            take(event)

    def unfinished(self) -> list[Entry]:
        """The trials without an end, in the order in which they were handed out."""
        return [entry for entry in self.trials.values() if not entry.ended]

    def _tick(self, event: Event) -> None:
        now = float(event["t"])
        if event["kind"] != "driver" and self._clock is not None:
            self.search_seconds += max(0.0, now - self._clock)
        searching = event["kind"] in ("driver", "trial", "report", "end", "requeue", "takeover", "user")
        in_between = event["kind"] == "let_go" and self._clock is not None  # which happens in every phase
        self._clock = now if searching or in_between else None

    def _on_driver(self, event: Event) -> None:
        self.segment = int(event["segment"])
        self.total = int(event.get("trials", self.total))
        self.limits |= {name: event[name] for name in ("hours", "gpu_hours") if name in event}

    def _on_trial(self, event: Event) -> None:
        params, values = _frozen(event["params"]), _frozen(event["values"])
        self.trials[event["trial"]] = Entry(event["trial"], int(event["number"]), params, values, event["origin"], event.get("note"))

    def _on_report(self, event: Event) -> None:
        entry, point = self.trials[event["trial"]], event["point"]
        kimg = float(point["kimg"])
        before = entry.device_seconds
        entry.points[kimg] = dict(point)
        self.device_seconds += entry.device_seconds - before
        value = number(point.get(self.objective))
        if value is not None:
            entry.best = value if entry.best is None else self.better(entry.best, value)
        if entry.best is not None:
            entry.bests[kimg] = entry.best

    def _on_end(self, event: Event) -> None:
        entry = self.trials[event["trial"]]
        entry.state, entry.reason, entry.evidence, entry.cut = event["state"], event["reason"], event.get("evidence"), event.get("cut")

    def _on_requeue(self, event: Event) -> None:
        entry = self.trials[event["trial"]]
        entry.state, entry.reason, entry.evidence, entry.cut = "running", None, None, None
        entry.requeued += 1

    def _on_takeover(self, event: Event) -> None:
        kept = {name: event[name] for name in ("kimg", "donor", "donor_kimg")} | {"at": self.trials[event["trial"]].kimg}
        kept |= {name: _frozen(event[name]) for name in ("params", "values")}
        self.trials[event["trial"]].takeovers.append(kept)

    def _on_let_go(self, event: Event) -> None:
        self.trials[event["trial"]].let_go |= set(event["files"])

    def _on_score(self, event: Event) -> None:
        self.scores[event["trial"]] = event

    def _on_final(self, event: Event) -> None:
        self.finals[event["who"], int(event["seed"])] = event

    def _on_phase(self, event: Event) -> None:
        self.phases.append(event["phase"])

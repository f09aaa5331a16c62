"""What a sweep's events add up to. The driver's state is always this fold of its spool, live and after a restart alike."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gantune.space.domain import frozen
from gantune.stopping.verdict import COMPLETE, FAILED, PRUNED, Reason
from gantune.tracking.spool import is_orphan
from gantune.tracking.trial_record import LOST

STATES: dict[str, str] = {
    **{str(reason): "complete" for reason in COMPLETE},
    **{str(reason): "pruned" for reason in PRUNED},
    **{str(reason): "failed" for reason in FAILED},
    str(Reason.USER): "stopped",
}

SEARCHING = ("driver", "trial", "report", "end", "requeue", "takeover", "user")  # kinds of events between which a search goes on
EITHER = ("share", "slots", "breaker", "let_go", "note")  # those that come in a search and after it
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
    reported: set[float] = field(default_factory=set)  # the kimg of its reports; the curves are the spool's to keep
    kimg: float = 0.0  # how far it has trained
    d_loss: float | None = None  # there
    trained: float = 0.0  # seconds
    measured: float = 0.0  # seconds that its reports took
    state: str = "running"
    reason: str | None = None
    evidence: str | None = None
    cut: str | None = None  # the time budget that cut it short
    best: float | None = None  # running best of the objective
    rated: float | None = None  # what trials are compared by on their way: `best`, or the running highest of the ledger's signal
    bests: dict[float, float] = field(default_factory=dict)  # running best by kimg, once there is one
    lost: int = 0  # times that it lost its worker, in all
    losses: Counter[str] = field(default_factory=Counter)  # those that count since its last new report, by kind
    again: bool = False  # ended when the whole sweep could only fail; a resume tries it again
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
    def device_seconds(self) -> float:
        """Seconds that it has kept its device: training and measuring."""
        return self.trained + self.measured

    @property
    def ended(self) -> bool:
        """Whether it has an end."""
        return self.state != "running"


class Ledger:
    """A sweep's trials, scores, finalists and clock, by applying events in order. `signal` is what trials are compared by on their way,
    where it is not the objective."""

    def __init__(self, objective: str, mode: str, trials: int, signal: str | None = None) -> None:
        self.objective, self.signal = objective, signal
        self.better = min if mode == "min" else max
        self.total = trials  # how many trials the sweep shall have
        self.trials: dict[str, Entry] = {}
        self.scores: dict[str, Event] = {}
        self.finals: dict[tuple[str, int], Event] = {}
        self.segment = 0
        self.limits: dict[str, float | None] = {}  # hours, gpu_hours, when a resume changed them
        self.search_seconds = 0.0  # wall clock of search over all segments
        self.fewer: list[tuple[int, float]] = []  # trials at once since memory ran out, and how many there was room for then
        self.gpu: float | None = None  # share of a GPU that the memory probe chose
        self.is_probed = False  # and was not only what was left when the probe failed
        self.shares: dict[str, float] = {}  # of trials and finalists' runs that need more than the sweep's
        self.too_large: list[tuple[float, float]] = []  # size of a trial that found no memory, and the share that it takes since
        self._seconds: dict[float | None, float] = {}  # of devices by the share of them that was occupied; None is the sweep's own
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

    def places(self, fits: int) -> int:
        """How many trials run at once where so many fit: fewer since memory ran out, unless there is room for more than there was then."""
        return min([fits, *(most for most, of in self.fewer if fits <= of)])

    def occupied_seconds(self, share: float) -> float:
        """Of whole devices, where trials occupy `share` of one unless they need more."""
        return sum(seconds * (share if own is None else own) for own, seconds in self._seconds.items())

    def share(self, name: str, base: float) -> float:
        """Of a GPU, that a trial or a finalist's run takes where the sweep's share is `base`."""
        return max(base, self.shares.get(name, base)) if base else 0.0

    def share_by_size(self, size: float, base: float) -> float:
        """That a new trial of this size begins with: no less than what a smaller one turned out to need."""
        return max([base, *(gpu for at, gpu in self.too_large if at <= size)])

    def _tick(self, event: Event) -> None:
        now = float(event["t"])
        if event["kind"] != "driver" and self._clock is not None:
            self.search_seconds += max(0.0, now - self._clock)
        searching = event["kind"] in SEARCHING or (event["kind"] in EITHER and self._clock is not None)
        self._clock = now if searching else None

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
        if kimg in entry.reported:
            return
        before, own = entry.device_seconds, self.shares.get(entry.id)
        entry.losses.clear()
        entry.reported.add(kimg)
        if kimg >= entry.kimg:
            entry.kimg, entry.d_loss = kimg, number(point.get("d_loss"))
        entry.trained = max(entry.trained, number(point.get("seconds")) or 0.0)
        entry.measured += number(point.get("eval_seconds")) or 0.0
        self._seconds[own] = self._seconds.get(own, 0.0) + entry.device_seconds - before
        value = number(point.get(self.objective))
        if value is not None:
            entry.best = value if entry.best is None else self.better(entry.best, value)
        if self.signal is None:
            entry.rated = entry.best
        elif (value := number(point.get(self.signal))) is not None:
            entry.rated = value if entry.rated is None else max(entry.rated, value)
        if entry.best is not None:
            entry.bests[kimg] = entry.best

    def _on_end(self, event: Event) -> None:
        entry = self.trials[event["trial"]]
        entry.state, entry.reason, entry.evidence, entry.cut = event["state"], event["reason"], event.get("evidence"), event.get("cut")
        entry.again = False

    def _on_requeue(self, event: Event) -> None:
        entry = self.trials[event["trial"]]
        entry.state, entry.reason, entry.evidence, entry.cut, entry.again = "running", None, None, None, False
        entry.lost += event.get("loss") in LOST
        if "loss" not in event:  # taken up by a resume it begins anew
            entry.losses.clear()
        elif event.get("counts", True):
            entry.losses[event["loss"]] += 1

    def _on_takeover(self, event: Event) -> None:
        kept = {name: event[name] for name in ("kimg", "donor", "donor_kimg")} | {"at": self.trials[event["trial"]].kimg}
        kept |= {name: _frozen(event[name]) for name in ("params", "values")}
        self.trials[event["trial"]].takeovers.append(kept)

    def _on_let_go(self, event: Event) -> None:
        self.trials[event["trial"]].let_go |= set(event["files"])

    def _on_share(self, event: Event) -> None:
        if event.get("trial") is None:
            self.gpu, self.is_probed = float(event["gpu"]), not event.get("failed")
            return
        self.shares[event["trial"]] = float(event["gpu"])
        if "size" in event:
            self.too_large.append((float(event["size"]), float(event["gpu"])))

    def _on_slots(self, event: Event) -> None:
        self.fewer.append((int(event["slots"]), float(event.get("of", math.inf))))

    def _on_breaker(self, event: Event) -> None:
        for trial in event["trials"]:
            if trial in self.trials:
                self.trials[trial].again = True

    def _on_score(self, event: Event) -> None:
        self.scores[event["trial"]] = event

    def _on_final(self, event: Event) -> None:
        self.finals[event["who"], int(event["seed"])] = event

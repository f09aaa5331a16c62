"""The spool into MLflow: every event once, whatever dies in between."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gantune.servers import shown
from gantune.tracking import spool, store
from gantune.tracking.connection import Connection
from gantune.tracking.cursor import TrackingState, load_cursor
from gantune.tracking.lock import driver_of
from gantune.tracking.runs import FILES, RunBuffer, artifacts_of, metrics_of, pictures_of
from gantune.tracking.tracker import Unreachable, in_short

LOCK = ".mlflow-replay.lock"
CHUNK = 20_000  # points between two savings of the cursor
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "stopped": "KILLED", "failed": "FAILED"}


@dataclass
class SyncResult:
    """What a replay sent: values of curves, runs that were new, files and pictures."""

    points: int = 0
    runs: int = 0
    artifacts: int = 0


@dataclass
class _Known:
    """What the events so far say about one trial, so that a later one can be sent."""

    event: Mapping[str, Any]
    kimg: set[float] = field(default_factory=set)
    step: int = 0
    ended: bool = False
    not_finite: set[str] = field(default_factory=set)
    let_go: list[str] = field(default_factory=list)


class Replay:
    """One sweep's spool on its way into one store. `advance` sends what is new; it may raise `Unreachable` and be called again."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, uri
        self.about = store.frozen(folder)
        self.result = SyncResult()
        self._reset()

    def _reset(self) -> None:
        self._at: Connection | None = None
        self._trials: dict[str, _Known] = {}
        self._buffers: dict[str, RunBuffer] = {}
        self._offset = 0
        self._driver: Mapping[str, Any] = {}
        self._done_of: int | None = None

    def done_by(self, pid: int) -> bool:
        """Whether the driver with this pid has written that all is done, and the store has it."""
        return self._done_of == pid

    def advance(self) -> None:
        """Send every event that the store lacks. After `Unreachable` the next call begins at the last saved cursor."""
        try:
            self._advance()
        except Unreachable:
            self._reset()
            raise
        except OSError as error:  # the sweep's own folder does not take the cursor
            self._reset()
            raise Unreachable(in_short(error)) from error

    def _advance(self) -> None:
        if self._at is None and not self._connect():
            return
        waiting = 0
        for event, offset in spool.read_from(self.folder, self._offset):
            waiting += self._send(event)
            self._offset = offset
            if waiting >= CHUNK:
                self._save()
                waiting = 0
        if self._offset > self._connected().cursor.offset:
            self._save()
        TrackingState(shown(self.uri), "ok").save(self.folder)

    def failed(self, error: Unreachable) -> None:
        """Leave word that the store is behind, and why, where the disk takes it."""
        cursor = load_cursor(self.folder)
        offset = cursor.offset if cursor is not None and cursor.uri == self.uri else 0
        pending = sum(1 for _ in spool.read_from(self.folder, offset))
        with contextlib.suppress(OSError):
            TrackingState(shown(self.uri), "unreachable", pending, str(error)).save(self.folder)

    def close_abandoned(self) -> None:
        """Mark runs that nobody trains any more as killed: the driver is gone, and left them without an end."""
        if self._at is None or driver_of(self.folder) is not None or self._done_of is not None:
            return
        ids = [trial for trial, known in self._trials.items() if not known.ended]
        for run in [*(self._at.cursor.runs[trial] for trial in ids), self._at.parent]:
            self._at.tracker.set_status(run, "KILLED", time.time())

    def _connect(self) -> bool:
        """Open the store and take up what it has of this sweep. False while the spool is empty."""
        first = next(spool.read(self.folder), None)
        if first is None:
            return False
        self._at = Connection.open(self.folder, self.uri, self.about, float(first["t"]))
        self.result.runs += self._at.is_new
        for event, offset in spool.read_from(self.folder, 0):
            if offset > self._at.cursor.offset:
                break
            self._note(event)
            self._offset = offset
        return True

    def _note(self, event: Mapping[str, Any]) -> bool:
        """Take an event into account without sending it. False when an earlier one has said the same."""
        kind = event["kind"]
        if spool.is_orphan(event, self._trials):
            return False
        if kind == "trial":
            if event["trial"] in self._trials:
                return False
            self._trials[event["trial"]] = _Known(event)
        elif kind == "report":
            known, kimg = self._trials[event["trial"]], round(event["point"]["kimg"], 6)
            if kimg in known.kimg:
                return False
            known.kimg.add(kimg)
            known.step = max(known.step, _step(event["point"]))
            known.not_finite |= {name for name, value in event["point"].items() if not math.isfinite(value)}
        elif kind == "let_go":
            self._trials[event["trial"]].let_go += event["files"]
        elif kind in ("end", "requeue"):
            self._trials[event["trial"]].ended = kind == "end"
        elif kind == "driver":
            self._driver, self._done_of = event, None
        elif kind == "phase" and event["phase"] == "done":
            self._done_of = int(self._driver.get("pid", 0))
        return True

    def _send(self, event: Mapping[str, Any]) -> int:
        """Send one event, or put its points into a run's buffer. Gives how many points that were."""
        if not self._note(event):
            return 0
        at = self._connected()
        kind, parent, tracker = event["kind"], at.parent, at.tracker
        if kind == "driver":
            tracker.set_status(parent, "RUNNING")
            tracker.log(parent, [], {}, {"segments": int(event.get("segment", 0)) + 1, "host": event.get("host")})
        elif kind == "trial":
            self._begin(event)
        elif kind == "report":
            metrics = metrics_of(event["point"], event["t"], _step(event["point"]))
            self._buffer(event["trial"]).metrics += metrics
            self.result.points += len(metrics)
            return len(metrics)
        elif kind == "requeue":
            tracker.set_status(self._flush(event["trial"]), "RUNNING")
        elif kind == "takeover":
            changed = ", ".join(f"{name} {value}" for name, value in event["params"].items())
            self._buffer(event["trial"]).tags[f"takeover.{event['kimg']:g}_kimg"] = f"of {event['donor']}: {changed}"
        elif kind == "end":
            self._end(event)
        elif kind == "let_go":
            self._let_go(event)
        elif kind == "score":
            self._score(event)
        elif kind == "final":
            self._final(event)
        elif kind == "phase" and event["phase"] == "done":
            self._flush_all()
            tracker.set_status(parent, "FINISHED", event["t"])
        return 0

    def _begin(self, event: Mapping[str, Any]) -> None:
        buffer = self._buffer(event["trial"])
        buffer.params |= {**event["values"], **event["params"]}
        buffer.tags |= {"origin": event["origin"], "note": event.get("note"), "searched": ", ".join(event["params"]), "state": "running"}
        if "family" in event["params"]:  # one of several
            buffer.tags["family"] = event["params"]["family"]

    def _end(self, event: Mapping[str, Any]) -> None:
        known, buffer = self._trials[event["trial"]], self._buffer(event["trial"])
        buffer.tags |= {name: event.get(name) or "" for name in ("state", "reason", "evidence")}
        if known.not_finite:
            buffer.tags["not_finite"] = ", ".join(sorted(known.not_finite))
        run = self._flush(event["trial"])
        self._files(run, self.folder / "trials" / event["trial"], event["t"])
        self._connected().tracker.set_status(run, STATUS[event["state"]], event["t"])

    def _let_go(self, event: Mapping[str, Any]) -> None:
        """What is no longer in the trial's folder takes no room in a store on the same disk either."""
        self._buffer(event["trial"]).tags["let_go"] = ", ".join(self._trials[event["trial"]].let_go)
        run = self._flush(event["trial"])
        for name in event["files"]:
            self._connected().tracker.drop(run, name, FILES[name])

    def _score(self, event: Mapping[str, Any]) -> None:
        """Values on fresh samples beside the curve, with what they were measured with."""
        buffer, known = self._buffer(event["trial"]), self._trials[event["trial"]]
        buffer.metrics += metrics_of(event["metrics"], event["t"], known.step, "score_")
        buffer.tags |= _measured(event)

    def _final(self, event: Mapping[str, Any]) -> None:
        id = f"{event['who']}-s{event['seed']}"
        buffer, plan = self._buffer(id), self.folder / "finalists" / id / "plan.json"
        buffer.params |= {**_values_of(plan), "seed": event["seed"]}
        for point in event.get("points", []):
            curve = metrics_of(point, event["t"], _step(point))
            buffer.metrics += curve
            self.result.points += len(curve)
        buffer.metrics += metrics_of(event["metrics"], event["t"], round(event["kimg"] * 1000), "score_")
        error = event.get("error")
        buffer.tags |= {"who": event["who"], "seed": event["seed"], "state": "failed" if error else "complete"} | _measured(event)
        buffer.tags |= {"evidence": error} if error else {}
        known = self._trials.get(event["who"])
        family = known.event["params"].get("family") if known else event["who"].partition("-")[2]  # canonical-FAMILY, of several
        buffer.tags |= {"family": family} if family else {}
        run = self._flush(id, event["t"])
        self._files(run, plan.parent, event["t"])
        self._connected().tracker.set_status(run, "FAILED" if error else "FINISHED", event["t"])

    def _files(self, run: str, folder: Path, at: float) -> None:
        for path, place in artifacts_of(folder):
            self._connected().tracker.place(run, path, place)
            self.result.artifacts += 1
        pictures = pictures_of(folder)
        have = self._connected().tracker.steps_of_pictures(run, "samples") if pictures else set()
        for step, image in pictures.items():
            if step not in have:
                self._connected().tracker.picture(run, image, "samples", step, at)
                self.result.artifacts += 1

    def _flush(self, id: str, start: float | None = None) -> str:
        """Send what waits for a trial or finalist; gives its run, which is made when there is none, with the tags that it has by now:
        that spares a store the search for older ones. Whatever dies before the rest is sent, the saved cursor lies before all of it."""
        at, buffer = self._connected(), self._buffer(id)
        if id not in at.cursor.runs:
            self.result.runs += 1
            kind = "trial" if id in self._trials else "finalist"
            at.begin(id, kind, start if start is not None else float(self._trials[id].event["t"]), self._driver, buffer.tags)
            buffer.tags = {}
        run = at.cursor.runs[id]
        buffer.flush(at.tracker, run)
        return run

    def _connected(self) -> Connection:
        assert self._at is not None, "advance connects before it sends"
        return self._at

    def _buffer(self, id: str) -> RunBuffer:
        return self._buffers.setdefault(id, RunBuffer())

    def _flush_all(self) -> None:
        for id in self._buffers:
            self._flush(id)

    def _save(self) -> None:
        self._flush_all()
        self._connected().cursor.offset = self._offset
        self._connected().cursor.save(self.folder)


def _values_of(plan: Path) -> dict[str, Any]:
    """A run's values; {} where its plan is gone or was torn by a power cut."""
    try:
        values: dict[str, Any] = json.loads(plan.read_text())["values"]
    except (OSError, ValueError, KeyError):
        return {}
    return values


def _measured(event: Mapping[str, Any]) -> dict[str, str]:
    return {f"score.{name}": json.dumps(event[name]) for name in ("provenance", "floor") if event.get(name)}


def _step(point: Mapping[str, float]) -> int:
    return round(point.get("images", point["kimg"] * 1000))

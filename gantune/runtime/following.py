"""A sweep that another process drives, from its spool: the driver's live picture, a moment later."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gantune.runtime.ledger import Ledger, number
from gantune.runtime.live import LiveState, TrialView
from gantune.runtime.planning import into_final
from gantune.spec import SweepSpec
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import Event, read_from

ABOUT_TRIAL = ("trial", "report", "end", "requeue", "takeover", "score")
DONE = "done"


class Following:
    """Brings `live` up to date with the sweep in `folder`. The spool is read once, and from then on only what is new in it."""

    def __init__(self, spec: SweepSpec, folder: Path, live: LiveState) -> None:
        self.spec, self.folder, self.live = spec, folder, live
        self.ledger = Ledger(spec.objective.metric, spec.objective.mode, spec.budget.trials)
        self.done: float | None = None  # when the sweep was complete, as the driver's clock had it
        self.stopped: str | None = None  # why its last driver stopped, where it was told to
        self._offset = 0
        self._touched: set[str] = set()

    def advance(self) -> None:
        """Take what has been written since the last time. `UserError` where the spool is damaged."""
        with self.live.at_once():
            for event, behind in read_from(self.folder, self._offset):
                self._offset = behind
                self._take(event)
            self._show()

    def _take(self, event: Event) -> None:
        self.ledger.apply(event)
        kind = event["kind"]
        if kind in ABOUT_TRIAL:
            self._touched.add(event["trial"])
        elif kind == "driver":
            self._show()
            self.done = self.stopped = None
            about = {"total": self.ledger.total, "slots": int(event.get("slots", 0)), "kimg_budget": self.spec.budget.kimg}
            self.live.set(**about, notes=(), stall=None)
            self.live.phase("search", _ago(event))
        elif kind == "note":
            self._note(event)
        elif kind == "slots":
            self.live.set(slots=int(event["slots"]))
        elif kind == "phase":
            self._show()
            self._begin_after(event)
        elif kind == "final_report":
            self.live.show_final(TrialView(event["run"], "running", event["kimg"], number(event["value"]), number(event["d_loss"])))
        elif kind == "final":
            self.live.show_final(self._final(event))
        elif kind == "user" and event.get("trial") is None:
            self.stopped = event.get("why", "stopped by the user")

    def _note(self, event: Event) -> None:
        if "slots" in event:  # by when it was noted
            self.live.set(slots=int(event["slots"]))
        if "text" in event:
            self.live.note(event["text"])
        else:
            self.live.set(stall=event["stall"])

    def _begin_after(self, event: Event) -> None:
        """A phase is written down at its end, which is the beginning of the next."""
        order = ["search", "score", *(["finalists"] if self.spec.finalists.top else []), DONE]
        if event["phase"] == DONE:
            self.done = float(event["t"])
        elif event["phase"] in order:
            following = order[order.index(event["phase"]) + 1]
            self.live.phase(following, _ago(event))
            if following == "finalists":
                runs = into_final(SweepRecord.load(self.folder), self.spec.finalists.top, self.ledger.trials)
                each = self.spec.finalists
                self.live.begin_finals(len(runs) * each.seeds, each.kimg or self.spec.budget.kimg, _ago(event))

    def _show(self) -> None:
        for name in sorted(self._touched & self.ledger.trials.keys()):
            score: dict[str, Any] = self.ledger.scores.get(name, {}).get("metrics", {})
            self.live.show(self.ledger.trials[name], score.get(self.spec.objective.metric))
        self._touched.clear()

    def _final(self, event: Event) -> TrialView:
        points, error = event.get("points") or [{}], event.get("error")
        return TrialView(
            f"{event['who']}-s{event['seed']}",
            "failed" if error else "complete",
            event["kimg"],
            d_loss=number(points[-1].get("d_loss")),
            score=event["metrics"].get(self.spec.objective.metric),
            evidence=error,
        )


def _ago(event: Event) -> float:
    return max(0.0, time.time() - float(event["t"]))

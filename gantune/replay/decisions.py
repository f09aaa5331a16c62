"""One report, judged as a running sweep judges it; and whether a recorded sweep's own decisions come out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gantune.replay.recording import Recording, recordings
from gantune.runtime.pruning import Pruner, open_pruner
from gantune.spec import SweepSpec
from gantune.stopping import Reason, Rule, Verdict, judge, open_rules
from gantune.tracking import spool
from gantune.tracking.store import frozen
from gantune.user_code import trusting

NOT_OURS = {str(reason) for reason in (Reason.USER, Reason.INFRA, Reason.ERROR)}  # neither a rule's nor the scheduler's


class Verdicts:
    """What stop rules say after each report of a trial. They see that trial alone, so that many replays may share this."""

    def __init__(self, stopping: Sequence[str | Mapping[str, Any] | Rule]) -> None:
        self._named = [rule for rule in stopping if not isinstance(rule, Rule)]
        self._given = [rule for rule in stopping if isinstance(rule, Rule)]
        names = [rule if isinstance(rule, str) else next(iter(rule)) for rule in self._named]
        self._own = ", ".join(name for name in names if ".py:" in name)  # whose slips are their author's
        self._known: dict[tuple[str, int], Verdict] = {}

    def __call__(self, recording: Recording, count: int) -> Verdict:
        """The verdict on the first `count` reports."""
        key = recording.id, count
        if key not in self._known:
            rules, _ = open_rules(self._named, recording.equilibrium)
            with trusting(f"stop rules {self._own} on {recording.id}") if self._own else nullcontext():
                self._known[key] = judge([*rules, *self._given], recording.until(count))
        return self._known[key]


class Judge:
    """Decides over one trial, report by report."""

    def __init__(self, recording: Recording, verdicts: Verdicts, pruner: Pruner) -> None:
        self._recording, self._pruner, self._verdicts = recording, pruner, verdicts

    def report(self, count: int) -> tuple[str, str] | None:
        """(reason, evidence) when the trial ends with its `count`-th report, None when it goes on.

        As in a sweep: the scheduler hears of every report, a trial's own verdict goes before the scheduler's, and at the end of the
        budget only a diverged trial has another reason than that.
        """
        recording = self._recording
        kimg = recording.points[count - 1]["kimg"]
        pruned = self._pruner.report(recording.id, kimg, recording.rated_by(self._pruner.signal, count))
        verdict = self._verdicts(recording, count)
        if kimg >= recording.budget_kimg and verdict.reason is not Reason.DIVERGED:
            return str(Reason.BUDGET), f"trained its full {recording.budget_kimg:g} kimg"
        if verdict.stop:
            return str(verdict.reason), verdict.evidence
        return None if pruned is None else (self._pruner.reason, pruned)


@dataclass
class Recheck:
    """A recorded sweep judged again in the order in which its reports arrived."""

    agreed: int = 0  # trials whose end came out at the same report for the same reason
    differing: list[str] = field(default_factory=list)  # what was recorded, and what came out
    skipped: int = 0  # ended by a person, an error or a lost machine, or not at all


def recheck(folder: Path) -> Recheck:
    """Judge every recorded report of the sweep in `folder` again, with its own scheduler and rules, in the order of its spool."""
    spec = SweepSpec.from_json(frozen(folder)["spec"])
    known = {recording.id: recording for recording in recordings(folder)}
    pruner = open_pruner(spec.scheduler, mode=spec.objective.mode, kimg=spec.budget.kimg, report_every=spec.budget.report_every)
    verdicts = Verdicts(spec.stopping)
    judges = {id: Judge(recording, verdicts, pruner) for id, recording in known.items()}
    counts = dict.fromkeys(known, 0)
    decided: dict[str, str] = {}
    result, open_ones = Recheck(), set(known)
    for event in spool.read(folder):
        if event["kind"] == "report" and event["trial"] in known:
            trial, kimg = event["trial"], round(event["point"]["kimg"], 6)
            recording = known[trial]
            if counts[trial] < len(recording.points) and round(recording.points[counts[trial]]["kimg"], 6) == kimg:
                counts[trial] += 1
                decision = judges[trial].report(counts[trial])
                if decision is not None:
                    decided.setdefault(trial, f"{decision[0]} at {kimg:g} kimg")
        elif event["kind"] == "end" and event["trial"] in known:
            trial = event["trial"]
            open_ones.discard(trial)
            pruner.end(trial, event["reason"], event["kimg"], known[trial].rated_by(pruner.signal, counts[trial]))
            if event["reason"] in NOT_OURS:
                result.skipped += 1
                continue
            recorded = f"{event['reason']} at {round(event['kimg'], 6):g} kimg"
            if decided.get(trial) == recorded:
                result.agreed += 1
            else:
                result.differing.append(f"{trial}: recorded {recorded}, judged again {decided.get(trial, 'to go on')}")
    result.skipped += len(open_ones)
    return result

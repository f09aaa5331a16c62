"""Replays against what can be worked out by hand, and against the decisions of a recorded sweep."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from gantune import cli
from gantune.errors import UserError
from gantune.families.base import Equilibrium
from gantune.replay import Policy, Recording, outcome, policies, recheck, recordings, simulate
from gantune.replay.decisions import Judge, Verdicts
from gantune.runtime.pruning import open_pruner
from gantune.spec import load_sweep
from gantune.spec.model import Scheduler
from gantune.tracking.spool import Spool
from gantune.tracking.store import freeze

LN2 = math.log(2)
NOTHING = Policy("nothing", Scheduler("none"), ())
ASHA = Policy("asha", Scheduler("asha", 0.25, 2), ())


def recording(name: str, fids: list[float], pace: float = 1.0, budget: float = 16.0, **more: list[float]) -> Recording:
    """Reports each 4 kimg; `pace` seconds a kimg."""
    points: list[dict[str, float]] = []
    for index, fid in enumerate(fids):
        kimg = 4.0 * (index + 1)
        signals = {key: values[index] for key, values in more.items()}
        points.append({"kimg": kimg, "fid": fid, "d_loss": 0.3, "g_loss": 1.0, "seconds": pace * kimg} | signals)
    clock = tuple(point["seconds"] for point in points)
    return Recording(name, tuple(points), clock, Equilibrium(LN2, LN2), "fid", "min", budget)


def ends(order: list[Recording], policy: Policy, workers: int = 1) -> list[tuple[str, str, float, float]]:
    found = simulate(order, policy, workers=workers, report_every=4.0)
    return [(one.recording.id, one.reason, one.kimg, one.at) for one in found]


GOOD, BAD, FAIR = recording("good", [90, 40, 20, 10]), recording("bad", [95, 94, 93, 92], pace=2), recording("fair", [80, 60, 50, 45])


def test_with_nothing_every_trial_runs_to_its_end_and_a_free_worker_takes_the_next() -> None:
    assert ends([GOOD, BAD, FAIR], NOTHING) == [("good", "budget", 16, 16), ("bad", "budget", 16, 48), ("fair", "budget", 16, 64)]
    assert ends([BAD, GOOD, FAIR], NOTHING, workers=2) == [
        ("good", "budget", 16, 16),
        ("bad", "budget", 16, 32),
        ("fair", "budget", 16, 32),
    ]


def test_asha_stops_who_is_worse_at_the_same_kimg() -> None:
    assert ends([GOOD, BAD, FAIR], ASHA) == [("good", "budget", 16, 16), ("bad", "asha", 4, 24), ("fair", "asha", 8, 32)]


def test_the_order_decides_whom_asha_meets_first() -> None:
    assert ends([BAD, GOOD], ASHA) == [("bad", "budget", 16, 32), ("good", "budget", 16, 48)]


def test_what_was_not_recorded_cannot_be_compared() -> None:
    by_test = Policy("asha", Scheduler("asha", grace=0.25, reduction=3, compare="c2st_loss"), ())
    with pytest.raises(UserError, match=r"the recorded trials have no c2st_loss.*compare=objective"):
        simulate([GOOD, BAD], by_test, workers=1, report_every=4.0)


def test_a_signal_decides_where_the_objective_would_have_decided_otherwise() -> None:
    learner = recording("learner", [90, 80, 20, 5], c2st_loss=[0.1, 0.2, 0.1, 0.4])
    noise = recording("noise", [80, 70, 60, 50], c2st_loss=[0.05, math.nan, 0.01, 0.01])
    by_test = Policy("asha", Scheduler("asha", grace=0.25, reduction=2, compare="c2st_loss"), ())
    assert ends([learner, noise], by_test) == [("learner", "budget", 16, 16), ("noise", "asha", 4, 20)]
    assert ends([noise, learner], ASHA) == [("noise", "budget", 16, 16), ("learner", "asha", 4, 20)]
    assert [learner.rated_by("c2st_loss", count) for count in range(5)] == [None, 0.1, 0.2, 0.2, 0.4]
    assert [noise.rated_by("c2st_loss", count) for count in range(1, 5)] == [0.05] * 4
    assert [learner.rated_by(None, count) for count in range(5)] == [None, 90, 80, 20, 5]


def test_the_figures_of_a_replay() -> None:
    late = recording("late", [99, 98, 50, 5])
    found = outcome(simulate([GOOD, BAD, late], ASHA, workers=1, report_every=4.0))
    assert (found.seconds, found.best, found.regret, found.reasons) == (16 + 8 + 4, 10, 5, {"asha": 2, "budget": 1})
    assert found.share == pytest.approx(28 / 64)
    [missed] = found.missed
    assert (missed.id, missed.full, missed.best_kimg, missed.ended_kimg, missed.reason) == ("late", 5, 16, 4, "asha")
    assert outcome(simulate([GOOD, BAD, late], NOTHING, workers=1, report_every=4.0)).missed == ()


def test_a_curve_that_was_cut_short_is_never_carried_on() -> None:
    short = recording("short", [50, 1])
    assert ends([short, GOOD], NOTHING) == [("short", "censored", 8, 8), ("good", "budget", 16, 24)]
    found = outcome(simulate([short, GOOD], NOTHING, workers=1, report_every=4.0))
    assert (found.censored, found.good, found.missed) == (1, 1, ()), "nobody knows whether it is among the best"


def test_rules_judge_the_curve_as_it_stood_and_the_budget_goes_before_them() -> None:
    broken = recording("broken", [90, 40, 30, 20], g_loss=[1, math.nan, 1, 1])
    at_the_end = recording("late", [90, 40, 30, 20], g_loss=[1, 1, 1, math.nan])
    policy = Policy("rules", Scheduler("none"), ("diverged",))
    assert [(name, reason, kimg) for name, reason, kimg, _ in ends([broken, at_the_end], policy)] == [
        ("broken", "diverged", 8),
        ("late", "diverged", 16),
    ]
    flat = recording("flat", [90] * 4, budget=16)
    assert ends([flat], Policy("rules", Scheduler("none"), ({"plateau": {"patience_kimg": 15, "slow_start_kimg": 15}},)))[0][1] == "budget"


def test_larger_is_better_where_the_objective_says_so() -> None:
    def turned(one: Recording) -> Recording:
        points = tuple({**point, "coverage": 1 / point["fid"]} for point in one.points)
        return Recording(one.id, points, one.clock, None, "coverage", "max", one.budget_kimg)

    assert ends([turned(one) for one in (GOOD, BAD, FAIR)], ASHA) == ends([GOOD, BAD, FAIR], ASHA)


def recorded_sweep(folder: Path, order: list[Recording]) -> Path:
    """A sweep's folder whose ends are those of its own scheduler and rules, reports in turns."""
    folder.mkdir(parents=True)
    sets = [
        "budget.kimg=16",
        "budget.report_every=4",
        "stopping=[diverged]",
        "scheduler={asha: {grace: 0.25, reduction: 2, compare: objective}}",
    ]
    spec = load_sweep("dcgan", sets=sets)
    freeze(folder, spec.to_json())
    values = spec.config(spec.space.canonical()[0][0]).flat()
    pruner = open_pruner(spec.scheduler, mode="min", kimg=16, report_every=4)
    with Spool(folder) as spool:
        spool.append("driver", segment=1)
        for number, one in enumerate(order):
            spool.append("trial", trial=one.id, number=number, params={}, values=values, origin="sampler", note=None)
        running = {one.id: (one, Judge(one, Verdicts(spec.stopping), pruner)) for one in order}
        for count in range(1, 5):
            for id, (one, judge) in list(running.items()):
                spool.append("report", trial=id, point=one.points[count - 1])
                decision = judge.report(count)
                if decision is not None:
                    kimg, best = one.points[count - 1]["kimg"], one.best(count)
                    state = {"budget": "complete"}.get(decision[0], "pruned")
                    spool.append("end", trial=id, state=state, reason=decision[0], evidence=decision[1], fid=best, kimg=kimg, seconds=1.0)
                    pruner.end(id, decision[0], kimg, best)
                    del running[id]
        spool.append("phase", phase="done", seconds=1.0)
    return folder


def test_a_recorded_sweep_is_judged_alike_and_a_changed_end_is_seen(tmp_path: Path) -> None:
    folder = recorded_sweep(tmp_path / "dcgan-1", [GOOD, BAD, FAIR])
    assert [one.id for one in recordings(folder)] == ["good", "bad", "fair"]
    found = recheck(folder)
    assert (found.agreed, found.differing, found.skipped) == (3, [], 0)
    lines = [json.loads(line) for line in (folder / "spool.jsonl").open()]
    for event in lines:
        if event["kind"] == "end" and event["trial"] == "bad":
            event["reason"] = "d_won"
    (folder / "spool.jsonl").write_text("".join(json.dumps(event) + "\n" for event in lines))
    assert recheck(folder).differing[0].startswith("bad: recorded d_won at 4 kimg, judged again asha at 4 kimg")


def test_measuring_is_on_the_clock(tmp_path: Path) -> None:
    measured = recording("good", [90, 40, 20, 10], eval_seconds=[1, 1, 1, 1])
    folder = recorded_sweep(tmp_path / "dcgan-1", [measured])
    assert recordings(folder)[0].clock == (5, 10, 15, 20)


def test_policies_are_the_sweeps_own_unless_flags_change_them() -> None:
    spec = load_sweep("dcgan")
    own = policies(spec, [])
    assert [policy.name for policy in own] == ["nothing", "asha", "rules", "asha and rules"]
    assert own[-1].scheduler == spec.scheduler
    assert own[-1].stopping == tuple(spec.stopping)
    changed = policies(spec, ["scheduler=median", "stopping=[{plateau: {patience_kimg: 20}}]"])[-1]
    assert (changed.scheduler.kind, changed.stopping) == ("median", ({"plateau": {"patience_kimg": 20}},))
    assert policies(spec, ["scheduler.asha.grace=0.1"])[-1].scheduler == Scheduler("asha", 0.1, 3, "c2st_loss")
    only = "a replay changes scheduler and stopping only"
    flags = {"budget.kimg=3": only, "lr_g=0.1": f"--set lr_g=0.1: {only}", "stopping=[d_wonn]": "d_won", "scheduler=asho": "asha"}
    for flag, said in flags.items():
        with pytest.raises(UserError, match=said):
            policies(spec, [flag])


def test_the_verb_prints_a_table_and_strict_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded_sweep(tmp_path / "dcgan-1", [GOOD, BAD, FAIR])
    runs = ["--runs", str(tmp_path)]
    assert cli._run(["replay", "dcgan", *runs], debug=True) == 0
    shown = capsys.readouterr().out
    assert "2 of the recordings were cut short: shares are of what was recorded" in shown
    assert "asha and rules\t" in shown
    assert cli._run(["replay", "dcgan", "--json", "--orders", "3", *runs], debug=True) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {name: len(found) for name, found in content.items()} == {"nothing": 3, "asha": 3, "rules": 3, "asha and rules": 3}
    assert cli._run(["replay", "dcgan", "--check", *runs], debug=True) == 0
    assert "3 ends judged alike, 0 otherwise, 0 not by a rule" in capsys.readouterr().out


def test_a_slip_in_a_rule_of_ones_own_is_its_authors(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "from dataclasses import dataclass\n\nfrom gantune.stopping import Reason, Rule\n\n\n@dataclass(frozen=True)\nclass Bad(Rule):\n"
        "    reason = Reason.HOPELESS\n\n    def __call__(self, curve):\n        return curve.bst()\n"
    )
    policy = Policy("rules", Scheduler("none"), (f"{tmp_path}/bad.py:Bad",))
    with pytest.raises(UserError, match=r"stop rules .*bad.py:Bad on good: AttributeError: .* has no attribute 'bst'"):
        simulate([GOOD], policy, workers=1, report_every=4.0)

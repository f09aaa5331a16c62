"""Decisions of the pruners as tables: (trial, kimg, running best) in the order of their arrival, and who is stopped where."""

from __future__ import annotations

import random

import pytest

from gantune.runtime.ledger import Ledger
from gantune.runtime.pruning import WORST, Asha, Median, NoPruning, open_pruner
from gantune.runtime.replaying import replay
from gantune.spec import Scheduler


def asha(mode: str = "min", signal: str | None = None) -> Asha:
    """Rungs at 4 and 12 kimg; one in three goes on."""
    return Asha(mode=mode, kimg=20, grace=4, reduction=3, signal=signal)


def decisions(pruner, table):
    return [(trial, kimg) for trial, kimg, best in table if pruner.report(trial, kimg, best) is not None]


def test_asha_stops_who_is_not_in_the_best_third_at_a_rung() -> None:
    table = [
        ("a", 4, 50.0),
        ("b", 4, 40.0),
        ("c", 4, 60.0),
        ("d", 4, 48.0),
        ("e", 4, 30.0),
        ("e", 8, 99.0),
        ("b", 12, 35.0),
        ("e", 12, 36.0),
    ]
    assert decisions(asha(), table) == [("c", 4), ("d", 4), ("e", 12)]


def test_asha_leaves_trials_alone_between_rungs() -> None:
    pruner = asha()
    assert decisions(pruner, [("a", 4, 10.0), ("b", 4, 9.0), ("b", 8, 1e9)]) == []
    assert sorted(pruner.rungs) == [4, 12]


def test_asha_maximises_too() -> None:
    assert decisions(asha("max"), [("a", 4, 0.5), ("b", 4, 0.4), ("c", 4, 0.9)]) == [("b", 4)]


def test_a_trial_without_a_value_is_worst() -> None:
    assert decisions(asha(), [("a", 4, 50.0), ("b", 4, None), ("c", 4, 60.0)]) == [("b", 4)]


def test_a_hopeless_trial_counts_as_worst_at_the_rungs_it_never_reached() -> None:
    alone, together = asha(), asha()
    for pruner in (alone, together):
        pruner.report("a", 4, 50.0)
        pruner.report("b", 4, 55.0) if pruner is alone else None
    together.report("b", 4, 49.0)
    together.end("b", "d_won", 8, 49.0)
    assert together.rungs[12] == {"b": -WORST}
    assert together.report("a", 12, 50.0) is None, "better than a hopeless one"


def test_a_settled_trial_counts_with_its_best_and_failures_do_not_count() -> None:
    pruner = asha()
    for trial, reason in (("a", "plateau"), ("b", "error"), ("c", "user"), ("d", "asha")):
        pruner.report(trial, 4, 50.0)
        pruner.end(trial, reason, 8, 40.0)
    assert pruner.rungs[12] == {"a": -40.0}


def test_evidence_names_the_bar() -> None:
    pruner = asha()
    pruner.report("a", 4, 50.0)
    assert pruner.report("b", 4, 60.0) == "60 at 4 kimg, where one in 3 goes on; 1 earlier trial set the bar at 50"


def test_asha_may_compare_by_the_two_sample_test_whatever_the_objective() -> None:
    pruner = open_pruner(Scheduler("asha", 0.2, 3, "c2st_loss"), mode="min", kimg=20, report_every=4)
    told = [pruner.report(trial, 4, value) for trial, value in (("a", 0.01), ("b", 0.2), ("c", 0.005), ("d", None), ("e", 0.3))]
    assert [evidence is None for evidence in told] == [True, True, False, False, True]
    assert told[2] == "c2st_loss 0.005 (higher is better) at 4 kimg, where one in 3 goes on; 2 earlier trials set the bar at 0.1367"


def test_what_is_compared_is_the_running_best_of_the_signal_or_the_objective() -> None:
    points = [
        {"kimg": 4.0, "fid": 90.0, "c2st_loss": 0.2},
        {"kimg": 8.0, "fid": 80.0, "c2st_loss": "nan"},
        {"kimg": 12.0, "c2st_loss": 0.1},
    ]
    for scheduler, rates in (
        (Scheduler("asha", compare="c2st_loss"), (0.2, 0.2, 0.2)),
        (Scheduler("asha"), (90.0, 80.0, 80.0)),
        (Scheduler("median"), (90.0, 80.0, 80.0)),
        (Scheduler("none"), (90.0, 80.0, 80.0)),
    ):
        signal = open_pruner(scheduler, mode="min", kimg=20, report_every=4).signal
        ledger = Ledger("fid", "min", 1, signal)
        ledger.apply({"kind": "trial", "t": 0.0, "trial": "0000", "number": 0, "params": {}, "values": {}, "origin": "sampler"})
        entry = ledger.trials["0000"]
        assert entry.rated is None
        for point, rate in zip(points, rates, strict=True):
            ledger.apply({"kind": "report", "t": 1.0, "trial": "0000", "point": point})
            assert entry.rated == rate


def test_a_report_that_comes_again_changes_nothing() -> None:
    ledger = Ledger("fid", "min", 1)
    ledger.apply({"kind": "trial", "t": 0.0, "trial": "0000", "number": 0, "params": {}, "values": {}, "origin": "sampler"})
    first = {"kimg": 4.0, "fid": 9.0, "d_loss": 0.5, "seconds": 3.0, "eval_seconds": 1.0}
    ledger.apply({"kind": "report", "t": 1.0, "trial": "0000", "point": first})
    second = {"kimg": 8.0, "fid": "nan", "d_loss": "nan", "seconds": 7.0, "eval_seconds": 1.0}
    ledger.apply({"kind": "report", "t": 2.0, "trial": "0000", "point": second})
    entry = ledger.trials["0000"]
    assert (entry.kimg, entry.best, entry.bests, entry.device_seconds) == (8.0, 9.0, {4.0: 9.0, 8.0: 9.0}, 9.0)
    ledger.apply({"kind": "report", "t": 3.0, "trial": "0000", "point": first | {"fid": 1.0, "seconds": 30.0}})
    assert (entry.kimg, entry.best, entry.device_seconds, entry.d_loss) == (8.0, 9.0, 9.0, None)
    assert ledger.occupied_seconds(1.0) == 9.0
    ledger.apply({"kind": "report", "t": 4.0, "trial": "0000", "point": {"kimg": 6.0, "fid": 8.0, "d_loss": 0.7, "seconds": 5.0}})
    assert (entry.kimg, entry.best, entry.device_seconds, entry.d_loss) == (8.0, 8.0, 9.0, None), "a late one is no step back"


@pytest.mark.parametrize("signal", [None, "c2st_loss"])
def test_replay_gives_the_same_rungs_and_the_stops_that_nobody_carried_out(signal: str | None) -> None:
    dice = random.Random(3)
    live, told, ledger = asha(signal=signal), [], Ledger("fid", "min", 8, signal)

    def tell(kind, **fields):
        told.append({"kind": kind, "t": float(len(told)), **fields})
        ledger.apply(told[-1])

    tell("driver", segment=1)
    stopped = {}
    for number in range(8):
        trial = f"{number:04d}"
        tell("trial", trial=trial, number=number, params={}, values={}, origin="sampler")
        for kimg in (4, 8, 12, 16, 20):
            tell("report", trial=trial, point={"kimg": kimg, "fid": dice.uniform(20, 80), "c2st_loss": dice.random()})
            compared = ledger.trials[trial].rated
            evidence = live.report(trial, kimg, compared)
            if evidence or kimg == 20:
                if evidence and number == 7:
                    stopped[trial] = evidence
                    break
                reason = "asha" if evidence else "budget"
                tell("end", trial=trial, state="pruned" if evidence else "complete", reason=reason)
                live.end(trial, reason, kimg, compared)
                break
    again = asha(signal=signal)
    assert replay(told, Ledger("fid", "min", 8, signal), again) == (stopped, {})
    assert again.rungs == live.rungs
    assert sum(map(len, again.rungs.values())) > 8


def test_the_median_rule_waits_for_three_others_and_spares_nobody_worse() -> None:
    pruner = Median(mode="min", kimg=20, grace=4)
    table = [("a", 4, 50.0), ("b", 4, 90.0), ("c", 4, 40.0), ("d", 4, 60.0), ("e", 4, 45.0)]
    assert decisions(pruner, table) == [("d", 4)]


def test_the_median_rule_never_pauses_and_counts_the_hopeless_as_worst() -> None:
    pruner = Median(mode="min", kimg=20, grace=4)
    for trial in "abc":
        pruner.report(trial, 4, 10.0)
        pruner.end(trial, "d_won", 4, 10.0)
    assert pruner.report("d", 4, 60.0) is not None, "up to there they were better"
    assert pruner.report("e", 8, 60.0) is None, "later they are worst"


def test_the_median_rule_takes_reports_that_lie_behind_its_own_stop() -> None:
    pruner = Median(mode="min", kimg=20, grace=4)
    for trial in "abc":
        pruner.report(trial, 4, 10.0)
    assert pruner.report("d", 4, 60.0) is not None
    assert pruner.report("d", 8, 60.0) is None


@pytest.mark.parametrize(("share", "grace"), [(0.2, 4), (0.21, 8), (0.01, 4), (1.0, 20)])
def test_grace_is_rounded_up_to_a_report(share: float, grace: float) -> None:
    pruner = open_pruner(Scheduler("asha", share, 3), mode="min", kimg=20, report_every=4)
    assert isinstance(pruner, Asha)
    assert min(pruner.rungs) == grace
    assert isinstance(open_pruner(Scheduler("none", share, 3), mode="min", kimg=20, report_every=4), NoPruning)

"""The benchmark of stopping, benchmarks/early_stopping.py: its readings against what can be worked out by hand."""

from __future__ import annotations

import importlib
import math
import random
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from gantune.families.base import Equilibrium
from gantune.replay import Policy, Recording, Verdicts, simulate
from gantune.spec.model import Scheduler

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LN2 = math.log(2)


@pytest.fixture
def policies(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("early_stopping_policies")


@pytest.fixture
def readings(policies: ModuleType) -> ModuleType:
    return importlib.import_module("early_stopping_readings")


def recording(name: str, fids: list[float], tests: list[float], d_loss: float = 0.3, group: str = "", **params: object) -> Recording:
    """Reports each 4 kimg, a second a kimg."""
    points = tuple(
        {"kimg": 4.0 * (at + 1), "fid": fid, "c2st_loss": test, "d_loss": d_loss}
        for at, (fid, test) in enumerate(zip(fids, tests, strict=True))
    )
    clock = tuple(point["kimg"] for point in points)
    return Recording(name, points, clock, Equilibrium(LN2, LN2), "fid", "min", 4.0 * len(fids), group, params)


LEARNER = recording("learner", [200, 60, 20, 5], [0.01, 0.1, 0.3, 0.5])
NOISE = [recording(f"noise{n}", [150 - n, 151, 150, 149 - n], [0.001] * 4) for n in range(9)]


def test_the_best_stand_first_by_the_test_when_they_stand_last_by_fid(readings: ModuleType) -> None:
    first, second = readings.standing([LEARNER, *NOISE], reports=(1, 2))
    assert first == {"kimg": 4.0, "objective": [1.0, 1.0], "c2st_loss": [0.1, 0.1]}
    assert second == {"kimg": 8.0, "objective": [0.1, 0.1], "c2st_loss": [0.1, 0.1]}


def test_regret_by_a_moment_counts_what_was_reported_until_then(policies: ModuleType) -> None:
    sweep = [NOISE[0], LEARNER]  # one worker: noise until 16 s, the learner's reports at 20, 24, 28, 32
    ended = simulate(sweep, Policy("nothing", Scheduler("none"), ()), workers=1, report_every=4.0)
    for now, expected in ((3.9, 149 - 5), (4.0, 150 - 5), (16.0, 149 - 5), (23.9, 149 - 5), (24.0, 60 - 5), (32.0, 0.0), (99.0, 0.0)):
        assert policies.regret_by(ended, sweep, now) == expected, now


def test_the_naive_reading_ends_a_trial_that_was_about_to_learn(policies: ModuleType, readings: ModuleType) -> None:
    near = recording("near", [200, 60, 20, 5], [0.01] * 4, d_loss=LN2 + 0.01)
    about = SimpleNamespace(mode="min", objective="fid", report_every=4.0)
    counts, [told] = readings.false_ends(policies.naive(), about, [near, LEARNER])
    assert counts == {"equilibrium": 1}
    assert told == "near: fid 200 when ended at 4 kimg by equilibrium, 5 at 16"
    assert readings.missed_by(policies.naive(), about, [near, LEARNER], 0.5) == (
        1,
        1,
        ["near: fid 5 at 16 kimg, ended at 4 by equilibrium"],
    )


def test_noise_of_a_seed_is_pooled_over_the_better_half_of_the_settings(policies: ModuleType) -> None:
    seeds = [
        recording(f"{lr}-{seed}", [best], [0.1], group="seeds", lr_g=lr, seed=seed)
        for lr, bests in ((0.1, (4.0, 6.0)), (0.2, (7.0, 9.0)), (0.3, (50.0, 90.0)), (0.4, (60.0, 99.0)))
        for seed, best in enumerate(bests)
    ]
    assert policies.seed_noise(seeds) == pytest.approx(math.sqrt(2))


def test_the_cheapest_is_taken_of_those_within_the_noise_else_the_least_harmful(policies: ModuleType) -> None:
    half = policies.Half([LEARNER, *NOISE], SimpleNamespace(report_every=4.0), random.Random(0))
    tried = {
        name: policies.Tried(name, Policy(name, Scheduler("none"), ()), Verdicts(())) for name in ("dear", "cheap", "harmful", "worse")
    }
    for name, share, regret in (("dear", 0.9, 0.0), ("cheap", 0.5, 0.5), ("harmful", 0.1, 20.0), ("worse", 0.05, 90.0)):
        half._known[id(tried[name])] = [policies.Figures(share, regret, 0, 1, 0, {0.25: regret})]
    assert half.cheapest(list(tried.values()), noise=0.7).name == "cheap"
    assert half.cheapest([tried["harmful"], tried["worse"]], noise=0.7).name == "harmful"
    assert half.best_by(list(tried.values()), 0.25).name == "dear"


def test_rules_keep_the_options_that_a_sweep_gives_them(policies: ModuleType) -> None:
    sets = policies.rule_sets(
        SimpleNamespace(budget_kimg=40.0), ["diverged", {"plateau": {"improvement": 0.005}}, {"d_dead": {"silent": 0.1}}]
    )
    assert all(rules[0] == "diverged" and rules[2] == {"d_dead": {"silent": 0.1}} for rules in sets)
    assert {rules[1]["plateau"]["patience_kimg"] for rules in sets} == {10.0, 14.0}
    assert all(rules[1]["plateau"]["improvement"] == 0.005 for rules in sets)


def test_a_small_sweep_by_the_test_finds_the_learner_that_fid_orders_last(readings: ModuleType) -> None:
    about = SimpleNamespace(report_every=4.0, budget_kimg=16.0, mode="min")
    rows = readings.by_size(about, [LEARNER, *NOISE], ["diverged"], sizes=(10, 50), repeats=10)
    assert {row["trials"] for row in rows} == {10}, "no sweep of more trials than there are"
    regret = {(row["compare"], row["grace"], row["reduction"]): row["regret"] for row in rows}
    assert regret["c2st_loss", 0.2, 3] == 0
    assert regret["objective", 0.2, 3] > 50

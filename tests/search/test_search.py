"""The search: what it asks, what Optuna is told, and that a resumed one goes on."""

from __future__ import annotations

import dataclasses
import logging
import math
import warnings
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from gantune.errors import UserError
from gantune.search import Past, Search
from gantune.space import SearchSpace, space_of
from gantune.spec import Sampler
from gantune.yaml_file import parse_yaml

SPACES = {
    "plain": "lr_g: {log: [1e-5, 1e-2]}\nlr_ratio: {log: [0.01, 10]}\nk: {choice: [1, 2, 5]}\nbeta1: {uniform: [0, 0.9]}",
    "ranges": "lr_g: {log: [1e-5, 1e-2]}\nlr_ratio: {log: [0.01, 10]}",
    "conditional": "optimiser: {choice: [adam, sgd]}\nbeta1: {uniform: [0, 0.9], when: {optimiser: adam}}\nlr_g: {log: [1e-5, 1e-2]}",
    "finite": "k: {choice: [1, 2, 5]}\ng_steps: {int: [1, 2]}",
}
SERVING = [
    ("tpe", "plain"),
    ("tpe", "conditional"),
    ("gp", "plain"),
    ("cmaes", "ranges"),
    ("qmc", "plain"),
    ("random", "conditional"),
    ("grid", "finite"),
]


def space(name: str = "plain") -> SearchSpace:
    return space_of(parse_yaml(SPACES[name], "s.yaml"), "dcgan")[0]


def loss(params: dict[str, Any]) -> float:
    """Best at lr_g 2e-4 and lr_ratio 0.5."""
    rates = abs(math.log(params.get("lr_g", 2e-4) / 2e-4)) + abs(math.log(params.get("lr_ratio", 0.5) / 0.5))
    return rates + params.get("k", 1) / 10 + params.get("beta1", 0.0)


def run(search: Search, trials: int) -> list[Past]:
    """A sweep in miniature, with every kind of end."""
    past = []
    for _ in range(trials):
        asked = search.ask()
        assert asked is not None
        value = loss(asked.params)
        reason = ("budget", "asha", "d_won", "plateau", "error", "budget")[asked.number % 6]
        curve = {4.0: value + 1, 8.0: value}
        for kimg, seen in curve.items():
            search.report(asked.number, kimg, seen)
        state = search.tell(asked.number, reason, value)
        past.append(Past(asked.number, asked.params, state, value, curve, reason))
    return past


def told(search: Search) -> list[optuna.trial.FrozenTrial]:
    return search._study.get_trials(deepcopy=False)


@pytest.mark.parametrize(("sampler", "name"), SERVING)
def test_every_point_lies_in_the_space(sampler: str, name: str) -> None:
    search = Search(space(name), Sampler(sampler, options={"n_startup_trials": 2} if sampler in ("tpe", "gp", "cmaes") else {}))
    for past in run(search, 6):
        assert search.space.fits(past.params)


@pytest.mark.parametrize(("sampler", "name"), [entry for entry in SERVING if entry[0] != "cmaes"])
def test_a_resumed_search_goes_on_as_an_uninterrupted_one(sampler: str, name: str) -> None:
    options = {"n_startup_trials": 2} if sampler in ("tpe", "gp") else {}
    whole = run(Search(space(name), Sampler(sampler, 5, options)), 6)
    first = run(Search(space(name), Sampler(sampler, 5, options)), 4)
    rest = run(Search(space(name), Sampler(sampler, 5, options), history=first), 2)
    assert [past.params for past in first + rest] == [past.params for past in whole]


def test_another_seed_is_another_search() -> None:
    assert run(Search(space(), Sampler("random", 1)), 2) != run(Search(space(), Sampler("random", 2)), 2)
    assert Search(space(), Sampler("random", 1), seed=2).ask() == Search(space(), Sampler("random", 2)).ask()


def test_cmaes_goes_on_from_what_it_learnt() -> None:
    """Its evolution is lost, its place is not: the next generation is drawn where the history was best, far from the middle."""
    best = {"lr_g": 2e-5, "lr_ratio": 6.0}
    found = [Past(n, {name: value * 1.01 ** (n - 10) for name, value in best.items()}, "complete", abs(n - 10.0)) for n in range(20)]
    search = Search(space("ranges"), Sampler("cmaes", 0, {"popsize": 4}), history=found)
    drawn = [past.params["lr_g"] for past in run(search, 8)]
    assert sorted(drawn)[4] < 5e-5  # the middle of the space is 3e-4


def test_tpe_learns_where_the_optimum_is() -> None:
    found = [past.value or 0 for past in run(Search(space("ranges"), Sampler("tpe", 0)), 60)]
    assert sum(found[40:]) < 0.5 * sum(found[:20])


def test_the_queue_goes_first_and_its_note_is_kept() -> None:
    search = Search(space())
    params, _ = search.space.project(search.space.defaults)
    search.enqueue(params, "canonical")
    asked = search.ask()
    assert asked is not None
    assert (asked.number, asked.params, asked.note) == (0, params, "canonical")
    assert told(search)[0].user_attrs == {"gantune_trial": "0000", "note": "canonical"}


def test_what_is_no_point_of_the_space_is_not_queued() -> None:
    with pytest.raises(UserError, match=r"no point of the space"):
        Search(space("finite")).enqueue({"k": 3, "g_steps": 1})


@pytest.mark.parametrize(
    ("reason", "value", "state", "stored"),
    [
        ("equilibrium", 3.0, TrialState.COMPLETE, 3.0),
        ("plateau", 3.0, TrialState.COMPLETE, 3.0),
        ("budget", 3.0, TrialState.COMPLETE, 3.0),
        ("budget", 9.0, TrialState.COMPLETE, 5.0),  # 5 was reported: the best counts, not the last
        ("budget", math.nan, TrialState.COMPLETE, 5.0),
        ("d_won", 3.0, TrialState.PRUNED, 5.0),
        ("d_dead", None, TrialState.PRUNED, 5.0),
        ("mode_collapse", math.inf, TrialState.PRUNED, 5.0),
        ("diverged", math.nan, TrialState.PRUNED, 5.0),
        ("asha", 3.0, TrialState.PRUNED, 5.0),
        ("median", 3.0, TrialState.PRUNED, 5.0),
        ("infra", 3.0, TrialState.FAIL, None),
        ("error", None, TrialState.FAIL, None),
        ("user", 3.0, TrialState.FAIL, None),
    ],
)
def test_reasons_reach_optuna(reason: str, value: float | None, state: TrialState, stored: float | None) -> None:
    search = Search(space("finite"))
    search.ask()
    search.report(0, 4, 5.0)
    search.report(0, 8, 7.0)
    search.tell(0, reason, value)
    [trial] = told(search)
    assert (trial.state, trial.value, trial.user_attrs["reason"]) == (state, stored, reason)
    assert trial.intermediate_values == {4000: 5.0, 8000: 5.0}


def test_the_best_of_a_maximised_objective_is_the_highest() -> None:
    search = Search(space("finite"), mode="max")
    search.ask()
    search.report(0, 4, 0.5)
    search.report(0, 8, 0.3)
    search.tell(0, "budget", 0.4)
    assert told(search)[0].value == 0.5
    assert search._study.best_value == 0.5


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_values_that_are_no_numbers_do_no_harm(bad: float | None, sampler: str) -> None:
    search = Search(space("finite"), Sampler(sampler, options={"n_startup_trials": 2}))
    for number in range(8):
        assert search.ask() is not None
        search.report(number, 4, bad)
        assert search.tell(number, "budget", bad if number % 2 else float(number)) == ("pruned" if number % 2 else "complete")


def test_telling_twice_changes_nothing() -> None:
    search = Search(space("finite"))
    search.ask()
    assert search.tell(0, "budget", 3.0) == "complete"
    assert search.tell(0, "error", None) == "complete"
    search.report(0, 8, 1.0)
    assert (told(search)[0].value, told(search)[0].intermediate_values) == (3.0, {})


def test_a_number_that_was_never_asked_is_an_error() -> None:
    with pytest.raises(KeyError, match="trial 3 was never asked"):
        Search(space()).tell(3, "budget", 1.0)


def test_a_grid_is_tried_once_and_then_exhausted() -> None:
    search = Search(space("finite"), Sampler("grid"))
    search.enqueue({"k": 2, "g_steps": 2})
    points = [asked.params for asked in iter(search.ask, None)]
    assert len(points) == 6
    assert len({tuple(point.items()) for point in points}) == 6
    assert points[0] == {"k": 2, "g_steps": 2}
    assert search.ask() is None


def test_a_resumed_grid_tries_what_is_left() -> None:
    first = run(Search(space("finite"), Sampler("grid")), 4)
    search = Search(space("finite"), Sampler("grid"), history=first)
    assert [asked.params for asked in iter(search.ask, None)] == [{"k": 5, "g_steps": 1}, {"k": 5, "g_steps": 2}]


def test_running_trials_of_the_history_can_be_told() -> None:
    history = [
        Past(0, {"k": 1, "g_steps": 1}, "complete", 4.0, {4: 5.0, 8: 4.0}, "budget"),
        Past(1, {"k": 2, "g_steps": 1}, "running", None, {4: 3.0}),
        Past(3, {"k": 5, "g_steps": 1}, "running"),
    ]
    search = Search(space("finite"), history=history)
    assert search.asked == 4
    assert search.tell(1, "budget", 6.0) == "complete"
    assert told(search)[1].value == 3.0  # what it had reached before the interruption
    assert [trial.state.name for trial in told(search)] == ["COMPLETE", "COMPLETE", "FAIL", "RUNNING"]  # number 2 is lost
    asked = search.ask()
    assert asked is not None
    assert asked.number == 4


def test_a_history_with_values_that_are_no_numbers_is_taken() -> None:
    history = [
        Past(0, {"k": 1, "g_steps": 1}, "complete", math.nan, {4: math.nan}, "budget"),
        Past(1, {"k": 1, "g_steps": 2}, "pruned", math.inf, {4: 5.0, 8: math.nan}, "diverged"),
        Past(2, {"k": 7, "g_steps": 2}, "failed", None, {}, "error"),
    ]
    search = Search(space("finite"), history=history)
    assert [trial.state.name for trial in told(search)] == ["PRUNED", "PRUNED", "FAIL"]
    assert told(search)[1].intermediate_values == {4000: 5.0, 8000: 5.0}


def test_other_sweeps_are_learnt_from_where_they_fit() -> None:
    other = [
        Past(None, {"k": 1, "g_steps": 1}, "complete", 4.0, {4: 4.0}),
        Past(None, {"k": 3, "g_steps": 1}, "complete", 4.0, {4: 4.0}),  # no choice of this space
        Past(None, {"k": 1}, "complete", 4.0),
        Past(None, {"k": 2, "g_steps": 1}, "failed"),
    ]
    search = Search(space("finite"), Sampler("grid"), history=other)
    assert (search.left_out, search.asked, len(told(search))) == (3, 0, 1)
    asked = search.ask()
    assert asked is not None
    assert asked.number == 0
    search.tell(0, "budget", 9.0)
    assert [trial.value for trial in told(search)] == [4.0, 9.0]


def test_a_history_of_another_space_is_refused() -> None:
    with pytest.raises(UserError, match=r"trial 0 has .*, which is no point of s\.yaml"):
        Search(space("finite"), history=[Past(0, {"lr_g": 1.0}, "complete", 1.0)])


def test_a_schedule_is_suggested_as_it_is() -> None:
    schedule = space_of(parse_yaml("k: {choice: [{0: 5, 20: 1}, {0: 1}]}", "s.yaml"), "dcgan")[0]
    search = Search(schedule)
    asked = search.ask()
    assert asked is not None
    assert asked.params["k"] in schedule.parameters["k"].choices
    Search(schedule, history=[Past(0, {"k": [[0.0, 5], [20.0, 1]]}, "complete", 1.0)])


def test_optuna_is_quiet_only_in_here(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("optuna")
    before = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sampler, name in SERVING:
            run(Search(space(name), Sampler(sampler)), 3)
    assert logger.level == before
    assert capfd.readouterr().err == ""


def test_a_derived_value_out_of_its_range_is_left_to_whoever_runs_the_trial() -> None:
    safe = space_of(parse_yaml("share: {uniform: [0.1, 0.9]}\nbeta1: {derive: share}", "s.yaml"), "dcgan")[0]
    derived = dataclasses.replace(safe, derived={"beta1": "share * 2"})  # as a rare corner of a space, which its check did not see
    search = Search(derived, Sampler("random"))
    asked = next(one for one in (search.ask() for _ in range(50)) if one is not None and one.params["share"] > 0.5)
    with pytest.raises(UserError, match="beta1"):
        derived.resolve(asked.params)
    assert search.tell(asked.number, "error") == "failed"


@pytest.mark.parametrize(("sampler", "name"), [(sampler, name) for sampler, name in SERVING if sampler != "grid"])
def test_a_warm_start_does_not_draw_what_the_earlier_sweep_of_the_same_seed_has_tried(sampler: str, name: str) -> None:
    def drawn(history: list[Past], trials: int = 4) -> list[dict[str, Any]]:
        search = Search(space(name), Sampler(sampler, seed=3), history=history)
        return [asked.params for asked in (search.ask() for _ in range(trials)) if asked is not None]

    earlier = run(Search(space(name), Sampler(sampler, seed=3)), 4)
    warm = [dataclasses.replace(past, number=None) for past in earlier]
    rates = [params["lr_g"] for params in drawn(warm)]
    assert not set(rates) & {past.params["lr_g"] for past in earlier}
    assert rates == [params["lr_g"] for params in drawn(warm)], "nor by chance"
    resumed = [*warm, Past(0, drawn(warm)[0], "running"), Past(1, drawn(warm)[1], "running")]
    assert [params["lr_g"] for params in drawn(resumed, 2)] == rates[2:], "and goes on like that after a resume"


@pytest.mark.parametrize("learnt", [1, 9, 10, 11])
def test_cmaes_starts_from_however_few_trials_there_are(learnt: int) -> None:
    past = [Past(None, {"lr_g": 10 ** -(2 + number / 5), "lr_ratio": 1.0}, "complete", float(number)) for number in range(learnt)]
    search = Search(space("ranges"), Sampler("cmaes"), history=past)
    assert all(search.ask() is not None for _ in range(3))

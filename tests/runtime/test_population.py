"""Population based training: who takes over whom, that a replay decides alike, and that a schedule can be repeated."""

from __future__ import annotations

import itertools
import json
import random
import shlex
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from processes import DriverProcess, events

from gantune import cli
from gantune.errors import UserError
from gantune.families import open_family
from gantune.generator_file import load_generator
from gantune.repeating import train_command
from gantune.replay import policies
from gantune.runtime.book import Book, Limits
from gantune.runtime.director import Director
from gantune.runtime.ledger import Entry, Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.population import Population, boundaries
from gantune.runtime.pruning import NoPruning
from gantune.runtime.replaying import replay
from gantune.runtime.stopping import StopRequests
from gantune.segments import Segment, changeable, due, in_force, lineage
from gantune.single import plan_run
from gantune.space import open_space
from gantune.spec import load_sweep
from gantune.spec.model import Scheduler
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import Spool, read
from gantune.training import checkpoint
from gantune.trial import Trial, TrialPlan

SPACE = {"lr_g": 1e-3, "lr_ratio": 1.0, "k": 2, "beta1": 0.5, "g_loss": "minimax", "dropout": 0.1}


def population(**given: Any) -> Population:
    space, _ = open_space("gan", "gan")
    scheduler = Scheduler("pbt", interval=0.25, quantile=0.25, **given)
    return Population(space, mode="min", kimg=16, report_every=2, scheduler=scheduler, seed=0)


def entry(id: str, **params: Any) -> Entry:
    return Entry(id, int(id), {**SPACE, **params}, {}, "sampler")


@pytest.mark.parametrize(
    ("kimg", "every", "interval", "expected"),
    [(60, 4, 0.2, [12, 24, 36, 48]), (60, 4, 0.25, [16, 32, 48]), (4, 0.5, 0.25, [1, 2, 3]), (10, 10, 0.2, []), (8, 2, 0.01, [2, 4, 6])],
)
def test_a_population_is_compared_at_reports_and_never_at_the_end(
    kimg: float, every: float, interval: float, expected: list[float]
) -> None:
    assert boundaries(kimg, every, interval) == expected


def test_the_worst_takes_over_the_best_and_nobody_else_does() -> None:
    told = population()
    members = {f"{number:04d}": entry(f"{number:04d}", lr_g=(number + 1) * 1e-4) for number in range(8)}

    def params_of(id: str, kimg: float) -> tuple[dict[str, Any], dict[str, Any]]:
        return members[id].params, {}

    values = [50.0, 10.0, 30.0, 20.0, 40.0, 60.0, 45.0, 70.0]
    found = {}
    for (id, one), value in zip(members.items(), values, strict=True):
        assert told.report(one, 2.0, value, params_of) is None, "no boundary"
        found[id] = told.report(one, 4.02, value, params_of)
    taken = {id: takeover.donor for id, takeover in found.items() if takeover is not None}
    assert taken["0005"] == "0001", "the sixth was the worst of six"
    assert taken["0007"] in ("0001", "0003"), "the worst two of eight take from the best two"
    assert not set(taken) & {"0000", "0001", "0002", "0003"}, "fewer than four are not compared; the better ones stay"
    takeover = found["0005"]
    assert takeover is not None
    assert takeover.kimg == 4.0
    assert takeover.donor_kimg == 4.02
    assert takeover.params.keys() == SPACE.keys()
    assert "among the worst 1 of 6" in takeover.evidence
    assert told.report(members["0005"], 6.0, 99.0, params_of) is None, "compared once a boundary"


def test_nobody_takes_over_what_is_no_better_and_no_value_is_worst() -> None:
    told = population()
    members = [entry(f"{number:04d}") for number in range(5)]
    params = dict(SPACE)
    assert [told.report(one, 4.0, 10.0, lambda id, kimg: (params, {})) for one in members[:4]] == [None] * 4
    takeover = told.report(members[4], 4.0, None, lambda id, kimg: (params, {}))
    assert takeover is not None
    assert takeover.evidence.startswith("no value")


def test_exploring_moves_what_may_change_by_a_step_and_keeps_the_rest() -> None:
    told = population(resample=0.0)
    seen = set()
    for number in range(40):
        source = told._explored(SPACE, {}, random.Random(number))
        assert source["lr_g"] in (pytest.approx(8e-4), pytest.approx(1.25e-3))
        assert source["k"] in (1, 3)
        assert source["dropout"] == SPACE["dropout"], "dropout is part of the network"
        seen.add((source["k"], source["g_loss"]))
    assert len(seen) > 2
    drawn = [population(resample=1.0)._explored(SPACE, {}, random.Random(number))["lr_g"] for number in range(20)]
    assert len(set(drawn)) == 20


def test_what_a_run_inherited_is_one_schedule() -> None:
    def member(values: dict[str, Any], *takeovers: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(values=values, takeovers=list(takeovers))

    def taken(kimg: float, donor: str, **values: Any) -> dict[str, Any]:
        return {"kimg": kimg, "donor": donor, "values": values}

    members = {
        "a": member({"lr": 1, "k": 1}, taken(12, "b", lr=9, k=1)),
        "b": member({"lr": 2, "k": 1}),
        "c": member({"lr": 3, "k": 1}, taken(4, "b", lr=4, k=1), taken(8, "a", lr=5, k=2)),
        "d": member({"lr": 7, "k": 5}, taken(12, "c", lr=6, k=2)),
    }
    values, segments = lineage("d", members)
    assert values == {"lr": 1, "k": 1}, "c's weights were a's from 8 kimg on, and what a took over at 12 came later"
    assert segments == [Segment(8, {"lr": 5, "k": 2}), Segment(12, {"lr": 6})]
    assert lineage("b", members) == ({"lr": 2, "k": 1}, [])
    assert in_force(values, segments) == {"lr": 6, "k": 2}
    assert [due(segments, at) for at in (0, 7.9, 8.0, 12.03)] == [0, 0, 1, 2]


def test_the_canonical_setting_stays_what_it_is_and_may_be_taken_from() -> None:
    told = population()
    members = [entry(f"{number:04d}") for number in range(8)]
    members[7].origin = "canonical"
    for number, one in enumerate(members[:7]):
        told.report(one, 4.0, 10.0 + number, lambda id, kimg: (SPACE, {}))
    assert told.report(members[7], 4.0, 99.0, lambda id, kimg: (SPACE, {})) is None
    members[0].origin = "canonical"
    taken = told.report(entry("0008"), 4.0, 98.0, lambda id, kimg: (SPACE, {}))
    assert taken is not None
    assert taken.donor in ("0000", "0001")


def test_names_that_only_feed_a_derivation_are_explored_too(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("lr_g: {log: [1e-5, 1e-2]}\nlr_d: {log: [1e-5, 1e-2]}\nlr_ratio: {derive: lr_d / lr_g}\n")
    space, _ = open_space(str(tmp_path / "space.yaml"), "gan")
    told = Population(space, mode="min", kimg=16, report_every=2, scheduler=Scheduler("pbt"), seed=0)
    drawn = {told._explored({"lr_g": 1e-3, "lr_d": 1e-3}, {}, random.Random(number))["lr_d"] for number in range(20)}
    assert 1e-3 not in drawn


def test_a_live_driver_and_one_that_reads_know_the_same_values() -> None:
    event = {"kind": "trial", "t": 0.0, "trial": "0000", "number": 0, "params": {"k": ((0, 5), (20, 1))}, "values": {}, "origin": "sampler"}
    entries = [Ledger("fid", "min", 1).apply_all([one]).trials["0000"] for one in (event, json.loads(json.dumps(event)))]
    assert entries[0].params == entries[1].params == {"k": ((0, 5), (20, 1))}


def test_the_clock_runs_on_after_a_takeover() -> None:
    ledger = Ledger("fid", "min", 1)
    base = {"trial": "0000", "params": {}, "values": {}}
    taken = {"donor": "0000", "donor_kimg": 4.0, "kimg": 4.0}
    told = [
        {"kind": "driver", "t": 0.0, "segment": 1},
        {"kind": "trial", "t": 0.0, "number": 0, "origin": "sampler", **base},
        {"kind": "report", "t": 10.0, "trial": "0000", "point": {"kimg": 4.0, "fid": 9.0, "seconds": 1.0}},
        {"kind": "takeover", "t": 10.0, **base, **taken},
        {"kind": "report", "t": 40.0, "trial": "0000", "point": {"kimg": 8.0, "fid": 3.0, "seconds": 2.0}},
    ]
    assert ledger.apply_all(told).search_seconds == 40.0
    assert ledger.trials["0000"].best == 3.0
    assert ledger.trials["0000"].own_best == 9.0, "what came after the takeover is not due to the values that it began with"


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["budget.trials=3"], "compares 4 trials or more"),
        (["budget.kimg=4", "budget.report_every=4"], "at their end only"),
        (["family=[dcgan, gan]", "space=zoo"], "of one family"),
    ],
)
def test_a_population_that_could_never_act_is_refused(sets: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        load_sweep("dcgan", sets=["scheduler=pbt", *sets])


def test_the_sampler_is_spoken_of() -> None:
    assert any("first takeover" in note for note in load_sweep("dcgan", sets=["scheduler=pbt"]).notes)
    assert not any("takeover" in note for note in load_sweep("dcgan", sets=["scheduler=pbt", "sampler=random"]).notes)


class Told:
    """A search without an opinion."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self) -> Any:
        self.asked += 1
        return SimpleNamespace(number=self.asked - 1, params={**SPACE, "lr_g": self.asked * 1e-4}, note=None)

    def report(self, number: int, kimg: float, value: float | None) -> None: ...

    def tell(self, number: int, reason: str, value: float | None = None) -> str:
        return ""


def director(folder: Path, settle: Any = dict, trials: int = 5) -> tuple[Director, Ledger]:
    ledger = Ledger("fid", "min", trials)
    people = population()
    pending, takeovers = replay(read(folder), ledger, NoPruning(), people)
    search = Told()
    search.asked = len(ledger.trials)
    made = Director(
        book=Book(Spool(folder), ledger, lambda: 0.0),
        pruner=NoPruning(),
        search=search,
        plan_of=lambda one: {"trial": one.id, "takeovers": len(one.takeovers)},
        settle=settle,
        stops=StopRequests(folder, every=0),
        live=LiveState("x"),
        limits=Limits(),
        slots=1,
        pending=pending,
        population=people,
        takeovers=takeovers,
        clock=lambda: 0.0,
    )
    return made, ledger


def result(trial: str, kimg: float, fid: float, verdict: list[str] | None = None) -> dict[str, Any]:
    return {"trial": trial, "points": [{"kimg": kimg, "fid": fid, "seconds": 1.0}], "verdict": verdict, "error": None}


def run_until_last(stage: Director) -> str:
    for number in range(4):
        plan = stage.next_plan()
        assert plan is not None
        stage.take(result(plan["trial"], 4.0, 40.0 - 10 * number))
        stage.take(result(plan["trial"], 16.0, 5.0, ["budget", ""]))
    plan = stage.next_plan()
    assert plan is not None
    assert not stage.is_exhausted, "the last one may still take over"
    return str(plan["trial"])


def test_a_trial_that_takes_over_ends_its_work_and_comes_back_with_a_new_plan(tmp_path: Path) -> None:
    stage, ledger = director(tmp_path)
    last = run_until_last(stage)
    assert stage.take(result(last, 4.0, 99.0)), "its worker is to let go of it"
    plan = stage.next_plan()
    assert plan == {"trial": last, "takeovers": 1}
    assert ledger.trials[last].takeovers[0]["donor"] == "0003"
    assert not stage.take(result(last, 8.0, 9.0))
    assert stage.next_plan() is None
    assert stage.take(result(last, 16.0, 8.0, ["budget", ""]))
    assert stage.is_exhausted
    assert stage.next_plan() is None


def test_a_driver_that_died_before_the_takeover_makes_it_after_all(tmp_path: Path) -> None:
    stage, ledger = director(tmp_path)
    last = run_until_last(stage)
    stage.take(result(last, 4.0, 99.0))
    again, told = director(tmp_path)
    assert again.next_plan() == {"trial": last, "takeovers": 1}
    stage.next_plan()
    assert told.trials[last].takeovers == ledger.trials[last].takeovers, "and draws the same values"
    _, third = director(tmp_path)
    assert third.trials[last].takeovers[:1] == ledger.trials[last].takeovers


def test_a_trial_that_ended_takes_nothing_over(tmp_path: Path) -> None:
    stage, ledger = director(tmp_path)
    last = run_until_last(stage)
    assert stage.take(result(last, 4.0, 99.0, ["diverged", "NaN"]))
    assert ledger.trials[last].reason == "diverged"
    assert stage.next_plan() is None
    assert not ledger.trials[last].takeovers


def test_values_that_the_family_refuses_leave_the_trial_as_it_was(tmp_path: Path) -> None:
    def settle(params: dict[str, Any]) -> dict[str, Any]:
        if params["beta1"] != 0.5:
            raise UserError("not so")
        return params

    stage, ledger = director(tmp_path, settle)
    last = run_until_last(stage)
    stage.take(result(last, 4.0, 99.0))
    assert stage.next_plan() == {"trial": last, "takeovers": 0}
    assert not ledger.trials[last].takeovers


def test_a_replay_of_curves_refuses_pbt() -> None:
    with pytest.raises(UserError, match="changes what is trained"):
        policies(load_sweep("dcgan"), ["scheduler=pbt"])


def plan_in(folder: Path, **given: Any) -> TrialPlan:
    values = {"hidden": 16, "layers": 1, "latent_dim": 4, "batch": 50, "lr_g": 1e-3}
    return TrialPlan("0000", "gan", "ring8", values, 2.0, 0.5, str(folder), metrics={"n_fake": 300}, **given)


def run(plan: TrialPlan) -> Trial:
    trial = Trial(plan)
    while trial.verdict is None:
        trial.advance()
    return trial


def weights(folder: Path) -> list[Any]:
    state = checkpoint.load(folder / "last.pt")["state"]
    return [value.tolist() for player in "gd" for value in state[player].values()]


def test_a_takeover_is_the_donor_going_on_with_other_values_bit_for_bit(tmp_path: Path) -> None:
    """The donor's checkpoint under new values equals one run that changes them on its way; and a copy of the donor's own is not it."""
    changed = {"lr_g": 3e-3, "beta1": 0.8, "k": 2}
    run(plan_in(tmp_path / "donor", keep=[1.0]))
    member = plan_in(tmp_path / "member", rules=[])
    member.values["lr_g"] = 1e-5
    first = Trial(member)
    first.advance(), first.advance()
    source = str(tmp_path / "donor" / "kimg_000001.000.pt")
    taken = TrialPlan.from_json(member.to_json() | {"segments": [{"kimg": 1.0, "values": changed, "source": source}]})
    second = Trial(taken)
    second.advance()
    last = run(taken)  # opened again in between, as after a death
    assert len(last.points) == 4
    assert all(later["seconds"] > earlier["seconds"] for earlier, later in itertools.pairwise(last.points))

    run(plan_in(tmp_path / "whole", segments=[{"kimg": 1.0, "values": changed}]))
    assert weights(tmp_path / "member") == weights(tmp_path / "whole")
    assert weights(tmp_path / "member") != weights(tmp_path / "donor")
    assert last.config.training.beta1 == 0.8
    assert last.trainer.opt_g.param_groups[0]["betas"][0] == 0.8
    assert checkpoint.load(tmp_path / "member" / "last.pt")["values"]["k"] == 2


def test_a_takeover_leaves_the_best_generator_that_the_trial_had(tmp_path: Path) -> None:
    """Its generator file is that of its own best report, not the donor's under its name."""
    run(plan_in(tmp_path / "donor", keep=[1.0]))
    member = plan_in(tmp_path / "member")
    first = Trial(member)
    first.advance(), first.advance()
    first.points[-1]["fid"] = -1.0  # its last report is its best
    first._save(True)
    kept = load_generator(tmp_path / "member" / "generator.safetensors")
    (tmp_path / "member" / "best.pt").unlink()  # it died between the two files
    source = str(tmp_path / "donor" / "kimg_000001.000.pt")
    Trial(TrialPlan.from_json(member.to_json() | {"segments": [{"kimg": 1.0, "values": {"lr_g": 3e-3}, "source": source}]}))
    assert checkpoint.load(tmp_path / "member" / "best.pt")["points"][-1]["fid"] == -1.0
    again = load_generator(tmp_path / "member" / "generator.safetensors")
    assert all(torch.equal(one, other) for one, other in zip(kept.net.parameters(), again.net.parameters(), strict=True))


def test_going_on_with_a_run_goes_on_with_its_schedule(tmp_path: Path) -> None:
    plan = plan_in(tmp_path / "run", keep=[1.5], segments=[{"kimg": 1.0, "values": {"lr_g": 3e-3}}])
    Trial(plan).advance()
    more, _ = plan_run(
        None, kimg=2.0, data=None, sets=(), report_every=0.5, from_run=tmp_path / "run", out=tmp_path / "run", threads=1, runs=tmp_path
    )
    assert more.segments == plan.to_json()["segments"]
    assert more.keep == [1.5]
    assert run(more).config.training.lr_g == 3e-3
    straight = run(plan_in(tmp_path / "straight", segments=[{"kimg": 1.0, "values": {"lr_g": 3e-3}}]))
    assert weights(tmp_path / "run") == weights(Path(straight.plan.folder))


def test_train_takes_a_schedule_for_what_may_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sets = ["hidden=16", "layers=1", "latent_dim=4", "batch=50", "lr_g={0: 1e-3, 1: 3e-3}", "beta1={0: 0.5, 1: 0.8}", "k={0: 1, 1: 2}"]
    flags = [word for text in sets for word in ("--set", text)]
    command = ["train", "gan", "--data", "ring8", "--kimg", "2", "--report-every", "0.5", "--out", "run", *flags]
    assert cli._run(command, debug=True) == 0
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["segments"] == [{"kimg": 1.0, "values": {"lr_g": 3e-3, "beta1": 0.8}, "source": None}]
    for wrong, told in (
        ("hidden={0: 16, 1: 32}", "cannot change"),
        ("lr_g={1: 1e-3}", "from 0 on"),
        ("lr_g={0: 1e-3, 1: -1}", "lr_g"),
        ("lr_g={0: 1e-3, 9: 1e-4}", "behind the budget"),
        ("lr_g={0: 1e-3, true: 1e-4}", "from 0 on"),
        ("lr_g={0: 2020-01-01}", "lr_g"),
    ):
        assert cli._run(["train", "gan", "--data", "ring8", "--kimg", "2", "--set", wrong], debug=False) == 2
        assert told in capsys.readouterr().err


def test_networks_and_data_do_not_change_on_the_way() -> None:
    for name in ("dcgan", "wgan_gp", "ebgan"):
        can = changeable(open_family(name))
        assert {"lr_g", "lr_ratio", "k", "beta1"} <= can
        assert "pool" not in changeable(open_family("cyclegan")), "it shapes the memory"
        assert not can & {"features", "batch", "seed", "image_size", "optimiser", "ema_kimg"}


SWEEP = """
family: gan
space: {space}
data: ring8
fixed: {{hidden: 16, layers: 1, latent_dim: 4, batch: 50}}
budget: {{trials: 10, kimg: 2, report_every: 0.25}}
sampler: random
scheduler: {{pbt: {{interval: 0.25, quantile: 0.5}}}}
stopping: [diverged]
finalists: {{top: 1, seeds: 1}}
score: {{n: 300}}
metrics: {{n_fake: 300}}
"""


def small_sweep(folder: Path) -> None:
    (folder / "space.yaml").write_text("lr_g: {log: [1e-4, 1e-1]}\nlr_ratio: {log: [0.1, 10]}\nbeta1: {uniform: [0, 0.9]}\n")
    (folder / "small.yaml").write_text(SWEEP.format(space="./space.yaml"))


def assert_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that is printed for a trial that took over trains its very weights again."""
    record = SweepRecord.load(folder / "runs" / "small-1")
    trial = next(one for one in reversed(record.trials) if one.takeovers)
    words = shlex.split(train_command(record, trial))
    assert words[:3] == ["gantune", "train", "gan"]
    assert cli._run([*words[1:], "--out", "again"], debug=True) == 0, capsys.readouterr().err
    assert weights(folder / "again") == weights(folder / "runs" / "small-1" / "trials" / trial.id)


@pytest.mark.slow
def test_a_population_from_start_to_a_command_that_repeats_its_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small_sweep(tmp_path)
    assert cli._run(["sweep", "small.yaml", "--local"], debug=True) == 0, capsys.readouterr().err
    events = list(read(tmp_path / "runs" / "small-1"))
    takeovers = [event for event in events if event["kind"] == "takeover"]
    assert takeovers
    assert sum(event["kind"] == "end" and event["reason"] == "budget" for event in events) == 10
    assert_repeated(tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_population_killed_with_9_keeps_its_schedules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small_sweep(tmp_path)
    folder = tmp_path / "runs" / "small-1"
    dice = random.Random(0)
    verbs = {0: ["sweep", "small.yaml", "--local"], 1: ["resume", "small", "--local"]}
    before: list[dict[str, Any]] = []
    for attempt in range(4):
        process = DriverProcess(folder, command=[sys.executable, "-m", "gantune", *verbs[min(attempt, 1)]], cwd=tmp_path)
        try:
            if attempt == 3:
                process.finish()
            else:
                process.wait_for(len(before) + dice.randint(12, 24))
                time.sleep(dice.uniform(0, 0.3))
                process.kill_group()
            assert not process.leftovers()
        finally:
            process.clean_up()
        told = events(folder)
        assert told[: len(before)] == before, "what was written stays"
        before = told
    takeovers = [(event["trial"], event["kimg"]) for event in before if event["kind"] == "takeover"]
    assert takeovers
    assert len(set(takeovers)) == len(takeovers), "nobody takes over twice at one place"
    ends = [event["trial"] for event in before if event["kind"] == "end"]
    assert sorted(ends) == [f"{number:04d}" for number in range(10)]
    for trial in SweepRecord.load(folder).trials:
        kept = checkpoint.load(folder / "trials" / trial.id / "last.pt")
        assert kept["segments"] == len(trial.takeovers)
        in_force_last = trial.takeovers[-1]["values"] if trial.takeovers else trial.values
        assert {name: kept["values"][name] for name in ("lr_g", "lr_ratio", "beta1")} == {
            name: in_force_last[name] for name in ("lr_g", "lr_ratio", "beta1")
        }
    assert_repeated(tmp_path, capsys)

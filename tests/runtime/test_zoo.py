"""A sweep over several families: who is asked first, what reaches the workers, who is in the final, what a resume goes on with."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from driver import zoo_spec
from processes import DriverProcess, events
from test_director import Stage

from gantune.runtime.book import Limits
from gantune.runtime.finals import contenders
from gantune.runtime.ledger import Ledger
from gantune.runtime.planning import Planner, keep_code
from gantune.runtime.searching import open_search
from gantune.spec import SweepSpec
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import Spool, read
from gantune.tracking.store import freeze, frozen


def test_a_plan_takes_the_trials_family_and_its_values_alone(tmp_path: Path) -> None:
    planner = Planner(zoo_spec(), tmp_path)
    params = {"family": "wgan", "lr_g": 1e-3, "clip": 0.05}
    values = planner.settle(params)
    assert (values["clip"], values["optimiser"], values["k"]) == (0.05, "rmsprop", 5)
    assert "family" not in values
    entry = SimpleNamespace(id="0003", params=params, values=values, takeovers=[])
    assert planner.trial(entry)["family"] == "wgan"  # type: ignore[arg-type]
    final = planner.final("canonical-wgan", entry, 1000, {"0003": entry})  # type: ignore[arg-type]
    assert (final["trial"], final["family"], final["values"]["seed"]) == ("canonical-wgan-s1000", "wgan", 1000)


def test_own_families_are_kept_with_the_sweep(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text("from gantune.families.gan import GAN\n\n\nclass Mine(GAN):\n    name = 'gan'\n")
    spec, refs = zoo_spec(), (f"{own}:Mine", "wgan", "lsgan")
    kept = keep_code(replace(spec, family=refs, space=spec.space.of_families(refs)), tmp_path / "zoo-1")
    assert kept.families == (f"{tmp_path / 'zoo-1' / 'code' / 'mine.py'}:Mine", "wgan", "lsgan")
    assert kept.space.families == kept.families
    assert Planner(kept, tmp_path).settle({"family": "gan", "lr_g": 1e-3})["lr_g"] == 1e-3


def test_the_first_trial_of_each_family_is_its_canonical_setting(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=5, slots=5, canonical=3)
    for _ in range(5):
        stage.hand_out()
    assert [entry.origin for entry in stage.ledger.trials.values()] == ["canonical"] * 3 + ["sampler"] * 2


def test_a_sweep_that_died_among_the_canonical_settings_goes_on_with_the_others(tmp_path: Path) -> None:
    spec = zoo_spec()
    freeze(tmp_path, spec.to_json())
    canonical = spec.space.canonical()
    ledger = Ledger("fid", "min", 8)
    ledger.apply({"kind": "driver", "t": 0.0, "segment": 1})
    about = {"number": 0, "params": canonical[0][0], "values": {}, "origin": "canonical"}
    ledger.apply({"kind": "trial", "t": 1.0, "trial": "0000", **about})
    desk: Any = SimpleNamespace(spec=SweepSpec.from_json(frozen(tmp_path)["spec"]), ledger=ledger, folder=tmp_path, limits=Limits())
    search = open_search(desk)
    asked = [search.ask() for _ in range(3)]
    assert [one and one.params for one in asked[:2]] == [params for params, _ in canonical[1:]]
    assert asked[2] is not None
    assert asked[2].number == 3


def finished(folder: Path, fids: dict[str, float]) -> Any:
    """A desk with one canonical trial a family and further trials of wgan, with these values."""
    folder.mkdir()
    spec = zoo_spec()
    freeze(folder, spec.to_json())
    spool, ledger = Spool(folder), Ledger("fid", "min", 8)
    for number, (name, fid) in enumerate(fids.items()):
        trial, family = f"{number:04d}", name.partition(" ")[0]
        params = {"family": family, "lr_g": 1e-3 * (1 + number)} | ({"clip": 0.01} if family == "wgan" else {})
        origin = "canonical" if number < 3 else "sampler"
        spool.append("trial", trial=trial, number=number, params=params, values=params, origin=origin, note=None)
        spool.append("report", trial=trial, point={"kimg": 4.0, "fid": fid})
        spool.append("end", trial=trial, state="complete", reason="budget", evidence="", fid=fid, kimg=4.0, seconds=1.0)
    spool.close()
    for event in read(folder):
        ledger.apply(event)
    return SimpleNamespace(spec=spec, ledger=ledger, folder=folder)


def test_the_final_is_against_the_canonical_setting_of_the_winners_family(tmp_path: Path) -> None:
    desk = finished(tmp_path / "a", {"gan": 50.0, "wgan": 60.0, "lsgan": 70.0, "wgan 2": 40.0, "wgan 3": 55.0})
    assert {who: entry.id for who, entry in contenders(desk).items()} == {"0003": "0003", "canonical-wgan": "0001"}
    assert SweepRecord.load(desk.folder).canonical_runs == "canonical-wgan"
    desk = finished(tmp_path / "b", {"gan": 30.0, "wgan": 60.0, "lsgan": 35.0, "wgan 2": 40.0})
    assert {who: entry.id for who, entry in contenders(desk).items()} == {"0002": "0002", "canonical-gan": "0000"}, (
        "the canonical setting of another family may be among the best"
    )


def test_two_trials_of_one_setting_are_one_finalist(tmp_path: Path) -> None:
    desk = finished(tmp_path / "a", {"gan": 50.0, "wgan": 60.0, "lsgan": 70.0, "wgan 2": 40.0, "wgan 3": 41.0, "wgan 4": 42.0})
    desk.spec = replace(desk.spec, finalists=replace(desk.spec.finalists, top=2))
    assert set(contenders(desk)) == {"0003", "0004", "canonical-wgan"}
    spool = tmp_path / "a" / "spool.jsonl"
    events = [json.loads(line) for line in spool.open()]
    same = next(event["values"] for event in events if event["kind"] == "trial" and event["trial"] == "0003")
    for event in events:
        if event["kind"] == "trial" and event["trial"] == "0004":
            event["values"] = same | {"seed": 7}
    spool.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert set(contenders(desk)) == {"0003", "0005", "canonical-wgan"}


@pytest.mark.slow
def test_a_zoo_of_synthetic_trials_is_killed_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "zoo-1"
    driver = DriverProcess(folder, "--zoo", "--trials", "8", seconds=0.2)
    try:
        driver.wait_for(2, "trial")
        driver.wait_for(1, "report")
        driver.kill_group()
    finally:
        driver.clean_up()
    again = DriverProcess(folder, "--resume", seconds=0.0)
    try:
        assert "done 8 trials" in again.finish()
    finally:
        again.clean_up()
    record = SweepRecord.load(folder)
    assert [(trial.origin, trial.params["family"]) for trial in record.trials[:3]] == [("canonical", f) for f in ("gan", "wgan", "lsgan")]
    assert Counter(trial.origin for trial in record.trials) == {"canonical": 3, "sampler": 5}
    plans = {trial.id: json.loads((folder / "trials" / trial.id / "plan.json").read_text()) for trial in record.trials}
    assert {id: plan["family"] for id, plan in plans.items()} == {trial.id: trial.params["family"] for trial in record.trials}
    assert Counter(event["trial"] for event in events(folder) if event["kind"] == "end") == dict.fromkeys(plans, 1)
    described = record.to_json()
    assert described["canonical"]["who"] == record.canonical_runs
    assert record.canonical is not None
    assert record.best is not None
    assert record.canonical.params["family"] == record.best.params["family"] == record.canonical_runs.removeprefix("canonical-")

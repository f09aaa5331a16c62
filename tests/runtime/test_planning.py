"""Plans, fresh seeds, and who is scored."""

from __future__ import annotations

from pathlib import Path

import pytest
from driver import spec

from gantune.errors import UserError
from gantune.families import open_family
from gantune.runtime.ledger import Entry
from gantune.runtime.machines import Machine
from gantune.runtime.planning import SCORE_ALL, Planner, keep_code, to_score
from gantune.runtime.session import Session
from gantune.runtime.snapshots import warning_about_snapshots
from gantune.trial import TrialPlan


def entry(number: int, best: float | None, origin: str = "sampler") -> Entry:
    return Entry(f"{number:04d}", number, {}, {}, origin, best=best)


def test_a_plan_is_complete_and_is_what_a_trial_takes(tmp_path: Path) -> None:
    planner = Planner(spec(), tmp_path)
    values = planner.settle({"lr_g": 1e-3, "k": 2})
    assert values["batch"] == open_family("gan").canonical["batch"]
    assert values["lr_g"] == 1e-3
    plan = planner.trial(Entry("0003", 3, {}, values, "sampler"))
    assert TrialPlan.from_json(plan).to_json() == plan | {"keep": [], "segments": []}
    assert plan["folder"] == str(tmp_path / "trials" / "0003")


def test_final_seeds_are_none_of_the_searchs(tmp_path: Path) -> None:
    planner = Planner(spec(seeds=3), tmp_path)
    assert planner.seeds([0, 1, 2]) == [1000, 1001, 1002]
    assert planner.seeds([1000, 1002]) == [1001, 1003, 1004]


def test_every_trial_with_a_value_is_scored_until_there_are_many() -> None:
    assert [e.id for e in to_score([entry(0, 9.0), entry(1, None), entry(2, 3.0)], "min")] == ["0002", "0000"]
    many = [entry(number, float(number)) for number in range(100)] + [entry(100, 999.0, "canonical")]
    chosen = to_score(many, "min")
    assert len(chosen) == 52
    assert chosen[-1].origin == "canonical"
    assert len(to_score(many[:SCORE_ALL], "max")) == SCORE_ALL


def test_a_family_of_the_users_own_is_kept_with_the_sweep(tmp_path: Path) -> None:
    from dataclasses import replace

    own = tmp_path / "mine.py"
    own.write_text("from gantune.families.gan import GAN\n\n\nclass Mine(GAN):\n    name = 'mine'\n")
    kept = keep_code(replace(spec(), family=f"{own}:Mine"), tmp_path / "sweep-1")
    own.unlink()
    assert kept.family == f"{tmp_path / 'sweep-1' / 'code' / 'mine.py'}:Mine"
    assert kept.space.family == kept.family
    assert Planner(kept, tmp_path).settle({"lr_g": 1e-3, "k": 1})["k"] == 1
    assert keep_code(spec(), tmp_path) == spec()


def test_rules_of_the_users_own_are_kept_too_and_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    from dataclasses import replace

    family, rule = tmp_path / "a" / "mine.py", tmp_path / "b" / "mine.py"
    for file, text in ((family, "family"), (rule, "rule")):
        file.parent.mkdir()
        file.write_text(text)
    own = replace(spec(), family=f"{family}:Mine", stopping=("plateau", f"{rule}:Late", {f"{family}:Early": {"kimg": 3}}))
    kept = keep_code(own, tmp_path / "sweep-1")
    code = tmp_path / "sweep-1" / "code"
    assert kept.stopping == ("plateau", f"{code / 'mine_2.py'}:Late", {f"{code / 'mine.py'}:Early": {"kimg": 3}})
    assert ((code / "mine.py").read_text(), (code / "mine_2.py").read_text()) == ("family", "rule")


def test_slots_are_what_fits_and_too_much_is_refused() -> None:
    at = Session(None, (Machine(8, 1),))
    assert at.slots(1, 0) == 8
    assert at.slots(1, 0.1) == 8
    assert at.slots(1, 0.3) == 3
    assert at.slots(0, 0.25) == 4
    assert Session(None, (Machine(64, 3),)).slots(1, 0.4) == 6
    with pytest.raises(UserError, match="a trial asks for 1 CPU and 2 GPU, this machine has 8 CPU and 1 GPU"):
        at.slots(1, 2)


def test_a_truncated_snapshot_of_rays_is_refused_with_advice(tmp_path: Path) -> None:
    assert warning_about_snapshots(tmp_path) is None
    for segment, content in (("9", "{broken"), ("10", '{"trial_data": []}')):
        (tmp_path / "ray" / segment).mkdir(parents=True)
        (tmp_path / "ray" / segment / "experiment_state-1.json").write_text(content)
    assert warning_about_snapshots(tmp_path) is None, "only the latest driver's counts"
    (tmp_path / "ray" / "10" / "experiment_state-1.json").write_text('{"trial_data": [[')
    warning = warning_about_snapshots(tmp_path)
    assert warning is not None
    assert "truncated" in warning
    assert "refused" in warning
    assert "gantune's own records" in warning


def test_a_trial_lies_on_one_machine() -> None:
    two = Session("10.0.0.1:6379", (Machine(2, 1), Machine(2, 1)))
    assert two.slots(1, 0.25) == 4  # two on each, for want of cores
    with pytest.raises(UserError, match=r"asks for 4 CPU and 0 GPU, the Ray cluster at .* has 4 CPU and 2 GPU, no machine of it so much"):
        two.slots(4, 0)
    with pytest.raises(UserError, match="asks for 1 CPU and 2 GPU"):
        two.slots(1, 2)
    assert Session("10.0.0.1:6379", (Machine(8, 0), Machine(2, 4))).slots(1, 1) == 2, "cores of a machine without GPUs do not help"
    mixed = Session("10.0.0.1:6379", (Machine(16, 0),) * 4, (Machine(4, 4),) * 4)
    assert (mixed.slots(8, 0), mixed.slots(1, 1)) == (8, 16), "what is there, or what may come, whichever has more places"

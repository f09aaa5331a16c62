"""Learning from earlier sweeps: what is taken over, what is left out, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gantune.cli.plan import describe
from gantune.errors import UserError
from gantune.search import Past, Search
from gantune.spec import load_sweep
from gantune.tracking.spool import Spool
from gantune.tracking.store import freeze
from gantune.warm import earlier_trials

INSIDE = {"lr_g": 1e-3, "lr_ratio": 0.5, "k": 1, "beta1": 0.5}
OUTSIDE = INSIDE | {"lr_g": 0.5}


def recorded(folder: Path, sweep: str = "dcgan", **changed: Any) -> Path:
    folder.mkdir()
    freeze(folder, load_sweep(sweep).to_json() | changed)
    spool = Spool(folder)
    for number, params in enumerate([INSIDE, OUTSIDE, INSIDE]):
        trial = f"{number:04d}"
        spool.append("trial", trial=trial, number=number, params=params, values=params, origin="sampler", note=None)
        spool.append("report", trial=trial, point={"kimg": 4.0, "fid": 30.0 + number})
        spool.append("report", trial=trial, point={"kimg": 8.0, "fid": float("nan")})
        if number < 2:
            spool.append("end", trial=trial, state="complete", reason="budget", evidence="", fid=30.0 + number, kimg=8.0, seconds=1.0)
    spool.close()
    return folder


def test_ended_trials_inside_the_space_are_taken_over(tmp_path: Path) -> None:
    spec = load_sweep("dcgan")
    known, notes = earlier_trials([recorded(tmp_path / "dcgan-1")], spec)
    assert json.loads(json.dumps(known, allow_nan=False)) == known
    assert [trial["value"] for trial in known] == [30.0]
    assert notes == ["warm start: 1 of 2 ended trials of dcgan-1 are points of this space"]
    search = Search(spec.space, spec.sampler, history=[Past.elsewhere(trial) for trial in known])
    asked = search.ask()
    assert search.left_out == 0
    assert asked is not None
    assert asked.number == 0


def test_a_dry_run_shows_the_configurations_that_a_warm_start_draws(tmp_path: Path) -> None:
    spec = load_sweep("dcgan")
    known, _ = earlier_trials([recorded(tmp_path / "dcgan-1")], spec)
    cold, warm = [[line for line in describe(spec, [], given) if line.startswith("  lr_g=")] for given in ([], known)]
    assert cold[0] == warm[0], "the canonical setting comes first in any case"
    assert not set(cold[1:]) & set(warm[1:])


def test_a_users_own_family_is_the_same_as_long_as_its_code_is(tmp_path: Path) -> None:
    kept, own = tmp_path / "code" / "mine.py", tmp_path / "mine.py"
    kept.parent.mkdir()
    for file in (kept, own):
        file.write_text("class Mine: ...\n")
    folder = recorded(tmp_path / "mine-1", family=f"{kept}:Mine")
    spec = replace(load_sweep("dcgan"), family=f"{own}:Mine")
    known, _ = earlier_trials([folder], spec)
    assert len(known) == 1
    with pytest.raises(UserError, match=r"mine\.py:Other"):
        earlier_trials([folder], replace(spec, family=f"{own}:Other"))
    own.write_text("class Mine: x = 1\n")
    with pytest.raises(UserError, match=r"Their code differs"):
        earlier_trials([folder], spec)


def test_values_that_were_measured_otherwise_are_refused(tmp_path: Path) -> None:
    spec = load_sweep("dcgan")
    folder = recorded(tmp_path / "dcgan-1", metrics={**spec.metrics, "n_fake": 77})
    with pytest.raises(UserError, match=rf"measured with n_fake 77, this sweep's with n_fake {spec.metrics['n_fake']}\."):
        earlier_trials([folder], spec)


def test_what_was_fixed_otherwise_is_noted(tmp_path: Path) -> None:
    spec = load_sweep("dcgan")
    folder = recorded(tmp_path / "dcgan-1", fixed={**spec.fixed, "batch": 7})
    _, [note] = earlier_trials([folder], spec)
    assert note.endswith(f"; fixed there: batch 7, here: batch {spec.fixed.get('batch', 'not set')}")


def test_sweeps_of_another_family_teach_something_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a sweep of family gan, this one is of dcgan"):
        earlier_trials([recorded(tmp_path / "gan-1", "gan")], load_sweep("dcgan"))


def test_a_zoo_and_its_families_teach_each_other(tmp_path: Path) -> None:
    zoo, inside = load_sweep("zoo"), {"lr_g": 1e-3, "k": 1, "beta1": 0.5, "d_norm": "none"}
    (tmp_path / "zoo-1").mkdir()
    freeze(tmp_path / "zoo-1", zoo.to_json())
    spool = Spool(tmp_path / "zoo-1")
    for number, params in enumerate([{"family": "lsgan", **inside}, {"family": "wgan_gp", "lr_g": 1e-3, "k": 5}]):
        trial = f"{number:04d}"
        spool.append("trial", trial=trial, number=number, params=params, values={}, origin="canonical", note=None)
        spool.append("report", trial=trial, point={"kimg": 4.0, "fid": 30.0})
        spool.append("end", trial=trial, state="complete", reason="budget", evidence="", fid=30.0, kimg=4.0, seconds=1.0)
    spool.close()
    alone = load_sweep("zoo", sets=["family=lsgan"])
    known, notes = earlier_trials([tmp_path / "zoo-1"], alone)
    assert [trial["params"] for trial in known] == [inside]
    assert notes[0].startswith("warm start: 1 of 2 ended trials of zoo-1")
    folder = recorded(tmp_path / "lsgan-1", "lsgan")
    freeze(folder, alone.to_json())
    known, _ = earlier_trials([tmp_path / "zoo-1", folder], zoo)
    assert [trial["params"] for trial in known] == [{"family": "lsgan", **inside}], "the other sweep searched lr_ratio, too"
    with pytest.raises(UserError, match="that is a sweep of family dcgan, this one is of gan"):
        earlier_trials([recorded(tmp_path / "dcgan-1")], load_sweep("zoo", sets=["family=[gan,wgan]"]))

"""What splits a ranking and what is part of the configurations that it compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recorded_sweeps import PROVENANCE, new_sweep, start_trial

from gantune.report.provenance import listed
from gantune.report.rows import Sweep
from gantune.report.words import group
from gantune.tracking.record import SweepRecord
from gantune.tracking.settings_key import configured_by, settings_key
from gantune.tracking.spool import Spool

Scored = tuple[float, dict[str, Any], dict[str, Any]]  # FID, values, settings of the measurement


def sweep_of(runs: Path, scored: list[Scored]) -> SweepRecord:
    folder = new_sweep(runs)
    with Spool(folder) as spool:
        for number, (fid, values, settings) in enumerate(scored):
            trial = start_trial(spool, number, values=values, params=values)
            sampling = {name: settings[name] for name in ("batch_norm", "ema_kimg") if name in settings}
            provenance = PROVENANCE | {name: value for name, value in settings.items() if name not in sampling}
            spool.append("score", trial=trial, seed=1, n=1000, metrics={"fid": fid}, provenance=provenance, floor={}, sampling=sampling)
    return SweepRecord.load(folder)


def best_of_both(record: SweepRecord) -> str:
    """The best trial, by `show` and by the report, which must agree on all places."""
    page = Sweep.of(record)
    assert [row.id for row in page.rows] == [trial.id for trial in record.ranked()]
    assert page.best is not None
    assert record.best is not None
    assert page.best.id == record.best.id
    return page.best.id


NET = [
    (30.0, {"net": "dcgan", "lr_g": 1e-3}, {"batch_norm": "running"}),
    (20.0, {"net": "dcgan", "lr_g": 2e-3}, {"batch_norm": "running"}),
    (5.0, {"net": "plain", "lr_g": 3e-3}, {"batch_norm": "none"}),
]
AVERAGE = [
    (30.0, {"ema_kimg": 0.0}, {"batch_norm": "running", "ema_kimg": 0.0}),
    (20.0, {"ema_kimg": 0.0}, {"batch_norm": "running", "ema_kimg": 0.0}),
    (5.0, {"ema_kimg": 4.0}, {"batch_norm": "recalibrated", "ema_kimg": 4.0}),
]


@pytest.mark.parametrize("scored", [NET, AVERAGE])
def test_what_the_search_decides_is_ranked_together_and_said(tmp_path: Path, scored: list[Scored]) -> None:
    record = sweep_of(tmp_path, scored)
    assert best_of_both(record) == "0002"
    page = Sweep.of(record)
    assert len(page.groups) == 1
    assert "batch norm" in group(page, next(iter(page.groups)), "rescored", 3)
    assert "part of what is compared" in group(page, next(iter(page.groups)), "rescored", 3)


@pytest.mark.parametrize(
    "other",
    [
        {"extractor": "inception"},
        {"weights_hash": "another"},
        {"split": "heldout"},
        {"n_fake": 50},
        {"resize": "bilinear"},
        {"data": "mnist"},
        {"batch_norm": "batch"},
        {"ema_kimg": 4.0},
    ],
)
def test_what_was_measured_in_another_way_is_ranked_apart(tmp_path: Path, other: dict[str, Any]) -> None:
    usual = {"batch_norm": "running", "ema_kimg": 0.0}
    scored = [(fid, {"net": "dcgan", "lr_g": fid / 1e5, "ema_kimg": 0.0}, usual) for fid in (30.0, 20.0)]
    record = sweep_of(tmp_path, [*scored, (5.0, {"net": "dcgan", "lr_g": 1e-4, "ema_kimg": 0.0}, usual | other)])
    assert best_of_both(record) == "0001"
    assert len(set(record.settings().values())) == 2


def test_a_seed_never_splits_and_what_is_configured_does_not() -> None:
    assert settings_key({**PROVENANCE, "seed": 1}) == settings_key({**PROVENANCE, "seed": 2})
    assert settings_key({**PROVENANCE, "ema_kimg": 5.0}) != settings_key(PROVENANCE)
    assert settings_key({**PROVENANCE, "ema_kimg": 5.0}, {"ema_kimg"}) == settings_key(PROVENANCE, {"ema_kimg"})
    assert settings_key({}) == ""
    assert configured_by([]) == frozenset()


def test_the_floors_count_is_not_listed_twice() -> None:
    assert listed({"n_floor": 1000, "n_fake": 4000}) == [("generated images", "4,000")]

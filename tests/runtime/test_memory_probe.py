"""`gpu: auto` without Ray: what is probed, and what the findings come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from driver import spec, zoo_spec

from gantune.runtime import memory_probe
from gantune.runtime.ledger import Entry, Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.machines import Machine
from gantune.runtime.memory_probe import GIB, choose_share, chosen, probe_plans
from gantune.runtime.planning import Planner
from gantune.runtime.session import Session
from gantune.space import Domain
from gantune.spec import Resources
from gantune.trial import Trial, TrialPlan

FOUND = [{"used": 8 * GIB, "total": 80 * GIB}, {"used": 17.2 * GIB, "total": 80 * GIB}]


@pytest.mark.parametrize(
    ("found", "most", "share", "why"),
    [
        (FOUND, 64, 1 / 4, "the largest setting took 17.2 of 80.0 GiB"),
        (FOUND, 3, 1 / 3, "the largest setting took 17.2 of 80.0 GiB, and there are cores for no more"),
        (FOUND, 0, 1.0, "the largest setting took 17.2 of 80.0 GiB, and there are cores for no more"),
        ([{"used": GIB, "total": 80 * GIB}], 8, 1 / 8, "the largest setting took 1.0 of 80.0 GiB"),
        ([FOUND[0], {"full": True}], 64, 1.0, "one trial alone filled the card in the probe"),
        (
            [{"error": "ValueError: no"}, FOUND[1]],
            64,
            1.0,
            "the probe failed (ValueError: no); with --set resources.gpu=0.25 the share is yours",
        ),
    ],
)
def test_the_largest_finding_decides(found: list[dict[str, Any]], most: int, share: float, why: str) -> None:
    assert chosen(found, most) == (pytest.approx(share, rel=1e-3), why)


def wide() -> Any:
    """A sweep whose space holds batches and widths."""
    sweep = spec()
    searched = sweep.space.parameters | {"batch": Domain("choice", choices=(256, 512)), "hidden": Domain("choice", choices=(16, 64))}
    space = replace(sweep.space, parameters=searched, defaults=sweep.space.defaults | {"batch": 256, "hidden": 16})
    return replace(sweep, space=space)


def test_probed_are_the_canonical_setting_and_the_largest_of_the_space(tmp_path: Path) -> None:
    desk: Any = SimpleNamespace(spec=wide(), planner=Planner(wide(), tmp_path))
    canonical, largest = probe_plans(desk)
    assert [canonical["values"][name] for name in ("batch", "hidden")] == [256, 16]
    assert [largest["values"][name] for name in ("batch", "hidden")] == [512, 64]
    assert (largest["kimg"], largest["report_every"]) == (20 * 512 / 1000,) * 2
    assert Path(largest["folder"]).parent == tmp_path / "probe"


def test_each_family_is_probed(tmp_path: Path) -> None:
    desk: Any = SimpleNamespace(spec=zoo_spec(), planner=Planner(zoo_spec(), tmp_path))
    assert [plan["family"] for plan in probe_plans(desk)][:3] == ["gan", "wgan", "lsgan"]


def test_size_is_parameters_times_batch(tmp_path: Path) -> None:
    planner = Planner(wide(), tmp_path)

    def size(**params: Any) -> float:
        params = {"lr_g": 1e-3, "k": 1, "batch": 256, "hidden": 16} | params
        return planner.size(Entry("0000", 0, params, planner.settle(params), "sampler"))

    assert size(batch=512) == 2 * size()
    assert size(hidden=64) > 3 * size()
    assert size(lr_g=1e-5) == size()


def test_a_probes_plan_is_one_that_a_trial_runs_whole(tmp_path: Path) -> None:
    planner = Planner(wide(), tmp_path)
    values = planner.settle({"lr_g": 1e-3, "k": 1, "batch": 256, "hidden": 16}) | {"d_warmup": 0.1}
    plan = planner.probe("0", Entry("0000", 0, {"lr_g": 1e-3, "k": 1, "batch": 256, "hidden": 16}, values, "probe"), 4)
    trial = Trial(TrialPlan.from_json(plan))
    trial.advance()
    assert trial.verdict is not None, "one report, and it has reached its end"
    assert trial.trainer.g_images > 0, "G has trained, too"


class Desk:
    """What a probe needs of one, with `found` in place of Ray."""

    def __init__(self, folder: Path, gpus: float, gpu: float | str = "auto") -> None:
        self.spec = replace(spec(), resources=Resources(1, gpu))  # type: ignore[arg-type]  # any text would do for this test
        self.at, self.ledger, self.live = (
            Session(None, (Machine(0, 1), Machine(16, gpus)) if gpus else (Machine(16, 0),)),
            Ledger("fid", "min", 12),
            LiveState("x"),
        )
        self.planner, self.places, self.limits, self.book = Planner(self.spec, folder), 8, None, self
        self.written: list[dict[str, Any]] = []

    def append(self, kind: str, **fields: Any) -> None:
        self.written.append({"kind": kind} | fields)
        self.ledger.apply({"kind": kind, "t": 0.0} | fields)


def test_a_share_is_probed_once_and_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_probe, "_probe", lambda desk, plan: FOUND[1])
    desk: Any = Desk(tmp_path, gpus=2)
    choose_share(desk)
    choose_share(desk)
    assert [(event["kind"], event["gpu"], len(event["probed"])) for event in desk.written] == [("share", 1 / 4, 2)]
    assert desk.ledger.gpu == 1 / 4
    assert "gpu: auto: a trial takes 1/4 of a GPU, as the largest setting took 17.2 of 80.0 GiB" in desk.live.picture.notes


def test_a_failed_probe_leaves_whole_gpus_and_is_done_again_at_the_next_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_probe, "_probe", lambda desk, plan: {"error": "ValueError: no"})
    desk: Any = Desk(tmp_path, gpus=2)
    choose_share(desk)
    assert (desk.ledger.gpu, desk.ledger.is_probed) == (1.0, False)
    monkeypatch.setattr(memory_probe, "_probe", lambda desk, plan: FOUND[1])
    choose_share(desk)
    assert (desk.ledger.gpu, desk.ledger.is_probed) == (1 / 4, True)


@pytest.mark.parametrize(("gpus", "gpu"), [(0, "auto"), (2, 0.5)])
def test_nothing_is_probed_without_gpus_or_where_the_share_is_given(tmp_path: Path, gpus: float, gpu: float | str) -> None:
    desk: Any = Desk(tmp_path, gpus, gpu)
    choose_share(desk)
    assert desk.written == []

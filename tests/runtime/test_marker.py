"""A node that does not see the sweep's folder is the machine's fault, and no trial's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gantune.runtime import marker
from gantune.runtime.cluster_view import look
from gantune.runtime.failures import Failure
from gantune.runtime.marker import check_seen
from gantune.runtime.session import session
from gantune.runtime.stopping import StopRequests
from gantune.runtime.tuning import run_search
from gantune.runtime.watchdog import Watchdog
from gantune.runtime.work import Work, is_passing
from gantune.runtime.workers import Worker


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marker, "SECONDS", 0.0)


@pytest.mark.parametrize("kind", ["trials", "finalists"])
def test_a_worker_without_the_sweeps_folder_says_so_and_another_may_try(tmp_path: Path, kind: str) -> None:
    plan = {"trial": "0001", "folder": str(tmp_path / "sweep" / kind / "0001"), "values": {}}
    worker = Work("json:loads")
    worker.start(plan)
    with pytest.raises(OSError, match=rf"node \S+ does not see the sweep's folder {tmp_path}/sweep: mount there") as refused:
        worker.step()
    assert is_passing(refused.value)
    with pytest.raises(OSError, match="does not see the sweep's folder"):
        Worker("json:loads", "json:loads").score(plan, 0, 1)
    assert not (tmp_path / "sweep").exists()
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").touch()
    check_seen(plan)


def test_a_run_of_no_sweep_has_nothing_to_look_for(tmp_path: Path) -> None:
    check_seen({"trial": "x", "folder": str(tmp_path / "train-dcgan-1")})
    check_seen({"trial": "x"})


class OneTrial:
    """A director of one trial, whose worker sees no folder."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan: dict[str, Any] | None = plan
        self.losses: list[Failure] = []

    @property
    def is_exhausted(self) -> bool:
        return bool(self.losses)

    def next_plan(self) -> dict[str, Any] | None:
        plan, self.plan = self.plan, None
        return plan

    def share_of(self, trial: str) -> float:
        return 0.0

    def take(self, result: dict[str, Any]) -> bool:
        raise AssertionError(f"no worker may come so far: {result}")

    def lost(self, trial: str, failure: Failure) -> None:
        self.losses.append(failure)


@pytest.mark.slow
def test_its_trial_ends_as_a_failure_of_the_machine(tmp_path: Path) -> None:
    director = OneTrial({"trial": "0001", "folder": str(tmp_path / "sweep" / "trials" / "0001"), "values": {}})
    watchdog = Watchdog(look, lambda why: None)
    with session(local=True, cpus=1):
        run_search(director, StopRequests(tmp_path), watchdog, storage=tmp_path / "ray", slots=1, cpu=1, opener="json:loads")  # type: ignore[arg-type]  # all of a director that Tune needs here
    [failure] = director.losses
    assert "does not see the sweep's folder" in failure.why
    assert "gantune doctor" in failure.why

"""A node that does not see the sweep's folder is the machine's fault, and no trial's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantune.runtime import marker
from gantune.runtime.marker import check_seen
from gantune.runtime.pool import Worker
from gantune.runtime.work import Work, is_passing


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

"""The search's history at a resume."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from driver import spec

from gantune.runtime.book import Limits
from gantune.runtime.ledger import Ledger
from gantune.runtime.searching import open_search
from gantune.tracking.store import freeze


def desk(folder: Path, *, hours: float) -> Any:
    """A sweep with a trial cut short by its budget of an hour, one lost to the machine, one stopped by the user, one complete."""
    freeze(folder, spec().to_json())
    ledger = Ledger("fid", "min", 12)
    ledger.apply({"kind": "driver", "t": 0.0, "segment": 1})
    for number, (state, reason, more) in enumerate(
        [("stopped", "user", {"cut": "hours"}), ("failed", "infra", {}), ("stopped", "user", {}), ("complete", "budget", {})]
    ):
        trial, params = f"{number:04d}", {"lr_g": 1e-3, "k": 1}
        about = {"number": number, "params": params, "values": params, "origin": "sampler"}
        ledger.apply({"kind": "trial", "t": 3600.0, "trial": trial, **about})
        ledger.apply({"kind": "report", "t": 3600.0, "trial": trial, "point": {"kimg": 4.0, "fid": 50.0}})
        ledger.apply({"kind": "end", "t": 3600.0, "trial": trial, "state": state, "reason": reason, **more})
    ledger.apply({"kind": "driver", "t": 9999.0, "segment": 2})
    return SimpleNamespace(spec=spec(), ledger=ledger, folder=folder, limits=Limits(wall=hours * 3600))


def states(desk: Any) -> list[str]:
    """What becomes of each trial when it then ends well."""
    search = open_search(desk)
    for number in range(4):
        search.report(number, 8.0, 30.0)
    return [search.tell(number, "budget", 30.0) for number in range(4)]


def test_trials_that_are_taken_up_again_are_running_ones(tmp_path: Path) -> None:
    assert states(desk(tmp_path, hours=2)) == ["complete", "complete", "failed", "complete"]


def test_without_time_left_they_stay_as_they_ended(tmp_path: Path) -> None:
    assert states(desk(tmp_path, hours=1)) == ["failed", "failed", "failed", "complete"]

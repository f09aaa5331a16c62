"""What the phases after the search do where checkpoints were let go."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gantune.runtime.finals import score
from gantune.runtime.ledger import Entry, Ledger
from gantune.runtime.live import LiveState
from gantune.spec import Objective, Score


def test_what_was_let_go_is_not_scored_and_said(tmp_path: Path) -> None:
    ledger, live, asked = Ledger("fid", "min", 3), LiveState("x"), []
    for number, gone in enumerate([{"last.pt"}, {"last.pt", "best.pt"}, set()]):
        entry = Entry(f"{number:04d}", number, {}, {}, "sampler", best=float(number), state="complete", let_go=gone)
        ledger.trials[entry.id] = entry
    desk: Any = SimpleNamespace(
        spec=SimpleNamespace(objective=Objective(), seed=0, score=Score(100)),
        ledger=ledger,
        live=live,
        planner=SimpleNamespace(trial=lambda entry: {"trial": entry.id}),
        run_jobs=lambda jobs, report, done: asked.extend(job.key for job in jobs),
    )
    score(desk)
    assert asked == ["0000", "0002"]
    assert live.picture.notes == (
        "trials that are not scored, as each one's checkpoint was let go to stay within storage.checkpoints_gb: 0001",
    )

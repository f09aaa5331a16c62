"""Verbs that want a checkpoint that was let go say so, in place of a missing file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gantune import cli
from gantune.tracking.spool import Spool
from gantune.tracking.store import freeze


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of which one trial has nothing left, and another has not begun to report."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "x-1"
    for name in ("0001", "0002"):
        (folder / "trials" / name).mkdir(parents=True)
        (folder / "trials" / name / "plan.json").write_text(json.dumps({"metrics": {}}))
    freeze(folder, {"family": "gan", "space": {}})
    with Spool(folder) as spool:
        for number in (1, 2):
            spool.append("trial", trial=f"{number:04d}", number=number, params={}, values={}, origin="sampler")
        spool.append("let_go", trial="0001", files=["last.pt"], bytes=1)
        spool.append("let_go", trial="0001", files=["best.pt", "generator.safetensors"], bytes=2)
    return tmp_path / "runs"


ASKING = ["sample {}", "probe latent {}", "probe neighbours {}", "probe optimal-discriminator {}"]


@pytest.mark.parametrize("verb", [*ASKING, "train --kimg 9 --from {}"])
def test_it_is_said(runs: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert cli._run(verb.format("x-1/1").split(), debug=False) == 2
    told = capsys.readouterr().err
    assert "x-1/0001: its checkpoint was let go to stay within storage.checkpoints_gb" in told
    assert "gantune show" in told


def test_a_checkpoint_that_is_named_itself(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._run(f"probe features {runs}/x-1/trials/0001/best.pt".split(), debug=False) == 2
    assert "was let go" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [*ASKING, "train --kimg 9 --from {}"])
def test_what_was_never_there_is_another_matter(runs: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert cli._run(verb.format("x-1/2").split(), debug=False) == 2
    assert "let go" not in capsys.readouterr().err

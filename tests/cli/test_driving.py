"""What a sweep's terminal tells when it did not come to its end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

from driver import spec

from gantune.cli.driving import drive
from gantune.runtime.live import LiveState
from gantune.sweep import SweepInterrupted


@pytest.mark.parametrize(("asked", "code"), [(True, 130), (False, 1)])
def test_only_what_was_asked_for_looks_like_ctrl_c(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, asked: bool, code: int
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(live: LiveState) -> None:
        raise SweepInterrupted(Path("runs/gan-1"), "all the same error", asked=asked)

    with pytest.raises(typer.Exit) as left:
        drive(spec(), Path("runs/gan-1"), run)  # type: ignore[arg-type]  # it gives no record
    assert left.value.exit_code == code
    assert "gantune: all the same error: gan-1 stopped. Go on with: gantune resume gan-1" in capsys.readouterr().err

"""`gantune doctor`: what it prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gantune.doctor
from gantune import cli
from gantune.doctor import Check, examine


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    found = [Check("Python", True, "3.11"), Check("clock", True, "as this machine's", "Start NTP.", "b")]
    monkeypatch.setattr(gantune.doctor, "examine", lambda runs, *, local: [] if local else found)
    return found


def test_each_line_has_its_node_and_a_failing_one_its_mend(checks: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._run(["doctor"], debug=False) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["ok\t\tPython\t3.11\t", "ok\tb\tclock\tas this machine's\t"]
    checks.append(Check("clock", False, "+60.0 s to this machine's", "Start NTP.", "c"))
    assert cli._run(["doctor"], debug=False) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "WRONG\tc\tclock\t+60.0 s to this machine's\tStart NTP."
    assert cli._run(["doctor", "--local"], debug=False) == 0, "of this machine alone"
    capsys.readouterr()
    del checks[1:]
    assert cli._run(["doctor"], debug=False) == 0
    assert capsys.readouterr().out.splitlines()[0] == "\tcheck\tfound\tmend"


def test_json_for_scripts(checks: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    checks.append(Check("answers", False, "does not answer within 20 s", "ray stop", "c"))
    assert cli._run(["doctor", "--json"], debug=False) == 1
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {"node": None, "name": "Python", "ok": True, "found": "3.11", "mend": ""}
    assert rows[2] == {"node": "c", "name": "answers", "ok": False, "found": "does not answer within 20 s", "mend": "ray stop"}


@pytest.mark.parametrize("address", [None, "local", "ray://a:1", "127.0.0.1:9"])
def test_nodes_are_asked_only_where_there_is_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    monkeypatch.setattr("gantune.runtime.nodes.alive", lambda: pytest.fail("asked"))
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    found = examine(tmp_path)
    assert all(not check.node for check in found)
    assert [check.ok for check in found if check.name == "Ray"] == [address in (None, "local")]
    monkeypatch.setattr("gantune.doctor.examine_machine", lambda runs: [])
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert examine(tmp_path, local=True) == []


def test_the_runs_folder_is_tried_by_writing_and_not_left_behind(tmp_path: Path) -> None:
    def found(runs: Path) -> Check:
        return next(check for check in examine(runs, local=True) if check.name == "runs folder")

    assert found(tmp_path / "a" / "b").ok
    assert not list(tmp_path.iterdir())
    (tmp_path / "kept").mkdir()
    assert found(tmp_path / "kept").ok
    assert (tmp_path / "kept").is_dir()
    (tmp_path / "file").touch()
    for impossible in (tmp_path / "file", tmp_path / "file" / "below", Path("/dev/null/x")):
        check = found(impossible)
        assert not check.ok
        assert check.found == f"{impossible} cannot be written: Not a directory"
        assert "--runs DIR" in check.mend

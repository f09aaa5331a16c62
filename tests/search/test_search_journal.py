"""The journal that optuna-dashboard opens."""

from __future__ import annotations

import logging
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from gantune.search import Past, Search
from gantune.space import SearchSpace, space_of
from gantune.yaml_file import parse_yaml

HISTORY = [
    Past(0, {"k": 1, "lr_g": 1e-3}, "complete", 4.0, {4: 5.0, 8: 4.0}, "budget"),
    Past(1, {"k": 2, "lr_g": 1e-4}, "pruned", 6.0, {4: 6.0}, "d_won"),
    Past(2, {"k": 2, "lr_g": 1e-4}, "running", None, {4: 6.0}),
]


def space() -> SearchSpace:
    return space_of(parse_yaml("k: {choice: [1, 2]}\nlr_g: {log: [1e-5, 1e-2]}", "s.yaml"), "dcgan")[0]


def opened(path: Path) -> optuna.Study:
    """The study as optuna-dashboard would read it."""
    return optuna.load_study(study_name="mine-1", storage=JournalStorage(JournalFileBackend(str(path))))


def test_it_tells_the_whole_story(tmp_path: Path) -> None:
    path = tmp_path / "optuna.journal"
    search = Search(space(), storage=path, history=HISTORY, name="mine-1")
    asked = search.ask()
    assert asked is not None
    search.report(3, 4, 7.0)
    search.tell(3, "asha", 7.0)
    search.report(2, 8, 5.0)
    search.tell(2, "plateau", 5.0)
    study = opened(path)
    assert study.user_attrs == {"gantune_sweep": "mine-1"}
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "COMPLETE", "PRUNED"]
    assert [trial.user_attrs["reason"] for trial in study.trials] == ["budget", "d_won", "plateau", "asha"]
    assert [trial.user_attrs["gantune_trial"] for trial in study.trials] == ["0000", "0001", "0002", "0003"]
    assert study.trials[2].intermediate_values == {4000: 6.0, 8000: 5.0}
    assert study.trials[3].params == asked.params
    assert (study.best_value, study.best_trial.number) == (4.0, 0)


@pytest.mark.parametrize("damage", [b"", b"\x00\xffgarbage", b'{"op_code": 0, "worker_id": "x"', b'{"op_code": 99}\n{}\n'])
def test_a_torn_file_is_made_whole_at_the_next_start(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "optuna.journal"
    Search(space(), storage=path, history=HISTORY[:1], name="mine-1")
    path.write_bytes(path.read_bytes()[: len(damage)] + damage)
    lock = tmp_path / "optuna.journal.lock"
    lock.symlink_to(path)  # its writer was killed
    search = Search(space(), storage=path, history=HISTORY, name="mine-1")
    assert not lock.is_symlink()
    search.ask()
    assert len(opened(path).trials) == 4
    assert sorted(file.name for file in tmp_path.iterdir()) == ["optuna.journal"]


def test_a_file_that_cannot_be_written_does_not_end_the_search(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        search = Search(space(), storage=tmp_path / "file" / "optuna.journal", name="mine-1")
    assert search.ask() is not None
    assert search.tell(0, "budget", 1.0) == "complete"
    assert [record.message.count("optuna-dashboard") for record in caplog.records] == [1]


def test_a_file_that_vanishes_while_it_is_written_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "optuna.journal"
    search = Search(space(), storage=path, name="mine-1")
    search.ask()
    path.unlink()
    path.mkdir()
    search.report(0, 4, 1.0)
    assert search.tell(0, "budget", 1.0) == "complete"
    assert search.ask() is not None


def test_what_others_write_into_it_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "optuna.journal"
    search = Search(space(), storage=path, history=HISTORY[:1], name="mine-1")
    opened(path).enqueue_trial({"k": 2, "lr_g": 9e-3})
    asked = search.ask()
    assert asked is not None
    assert (asked.number, asked.params["lr_g"] == 9e-3) == (1, False)

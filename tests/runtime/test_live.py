"""The picture of a running sweep."""

from __future__ import annotations

import re
import sys
from io import StringIO

import pytest
from rich.console import Console

from gantune.cli import live as cli_live
from gantune.cli.live import showing, table_of
from gantune.runtime.ledger import Entry
from gantune.runtime.live import LiveState, Picture, TrialView


def drawn(live: LiveState) -> str:
    """The table, as a terminal shows it."""
    console = Console(width=200, record=True, file=StringIO())
    console.print(table_of(live.picture, None, "fid"))
    return console.export_text()


def test_a_row_shows_the_latest_point_and_the_running_best() -> None:
    changes = []
    live = LiveState("x", lambda: changes.append(1))
    entry = Entry("0001", 1, {}, {}, "sampler", kimg=8.0, best=33.0, d_loss=0.25)
    live.show(entry)
    assert live.picture.trials["0001"] == TrialView("0001", "running", 8.0, 33.0, 0.25)
    live.show(entry, score=35.0)
    live.show(entry)
    assert live.picture.trials["0001"].score == 35.0
    assert len(changes) == 3


class Terminal(StringIO):
    """Takes what is printed, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_picture_leaves_room_for_the_echo_of_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal)
    with showing("dcgan-1", 0.5, "fid") as live:
        live.note("a long note " * 20)
        live.show(Entry("0001", 1, {}, {}, "sampler", kimg=3.0, state="pruned", reason="asha", evidence="why it had to end " * 9))
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line).rstrip("\r\n") for line in terminal.getvalue().splitlines()]
    assert max(map(len, lines)) == 70 - len("^C^C")


def test_a_picture_does_not_change_after_it_was_taken() -> None:
    live = LiveState("x")
    before = live.picture
    live.show(Entry("0001", 1, {}, {}, "sampler"))
    assert before.trials == {}


def test_what_the_machines_did_stands_apart_from_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    live = LiveState("x")
    live.show(Entry("0000", 0, {}, {}, "canonical", lost=2))
    live.show(Entry("0001", 1, {}, {}, "sampler", state="failed", reason="error"))
    live.phase("search")
    assert live.picture.troubles == "1 trial lost its worker 2 times and went on; 1 failed"
    assert "(1 trial lost its worker 2 times and went on; 1 failed)" in drawn(live)


def test_a_stall_is_shown_while_it_lasts_and_told_a_pipe_once(capsys: pytest.CaptureFixture[str]) -> None:
    with showing("x-1", None, "fid") as live:
        live.set(stall="nothing has started for 30 s: no GPU")
        live.set(slots=2)
        assert "no GPU" in drawn(live)
        live.set(stall=None)
        assert "no GPU" not in drawn(live)
    assert capsys.readouterr().out.count("no GPU") == 1


def test_time_left_counts_early_stops() -> None:
    trials = {
        "0": TrialView("0", "pruned", 10.0, reason="asha"),
        "1": TrialView("1", "complete", 30.0, reason="budget"),
        "2": TrialView("2", kimg=10.0),
    }
    picture = Picture("x", phase="search", total=4, kimg_budget=30.0, trials=trials, seconds=50.0)
    # 50 kimg in 50 s; trials last 20 on average: 10 more for the running one, 20 for the one to come
    assert picture.seconds_left == pytest.approx(30.0)
    assert (picture.ended, picture.stopped_early) == (2, 1)
    assert Picture("x", phase="search", total=4).seconds_left is None


def test_only_what_a_rule_or_the_scheduler_ended_was_stopped_early() -> None:
    reasons = ("budget", "equilibrium", "plateau", "d_won", "asha", "median", "infra", "error", "user")
    trials = {reason: TrialView(reason, "ended", reason=reason) for reason in reasons} | {"new": TrialView("new")}
    assert Picture("x", trials=trials).stopped_early == 5


def test_time_left_after_a_resume_counts_only_what_this_driver_trained() -> None:
    live = LiveState("x")
    live.set(total=2, kimg_budget=30.0)
    live.show(Entry("0000", 0, {}, {}, "canonical", kimg=30.0, state="complete", reason="budget"))
    live.phase("search")
    assert live.picture.seconds_left is None
    live.show(Entry("0001", 1, {}, {}, "sampler", kimg=10.0))
    assert live.picture.seconds_left is None, "too early for a pace"
    live.show(Entry("0001", 1, {}, {}, "sampler", kimg=20.0))
    picture = live.picture
    assert picture.seconds_left == pytest.approx(picture.seconds / 2)  # 20 kimg so far, 10 more


def test_time_left_of_finalists_counts_neither_the_search_nor_an_earlier_drivers_runs() -> None:
    live = LiveState("x")
    live.set(total=1, kimg_budget=30.0)
    live.show(Entry("0000", 0, {}, {}, "canonical", kimg=30.0, state="complete", reason="budget"))
    live.phase("finalists")
    live.show_final(TrialView("0000-s1000", "complete", 60.0))
    live.begin_finals(3, 60.0)
    assert live.picture.seconds_left is None
    live.show_final(TrialView("0000-s1001", "running", 40.0))
    picture = live.picture
    assert picture.seconds_left == pytest.approx(picture.seconds * 2)  # 40 kimg so far, 20 and 60 more


def test_a_sweep_over_families_names_them_and_shows_no_distance_from_an_equilibrium_that_they_do_not_share(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with showing("zoo-1", None, "fid") as live:
        live.phase("search")
        live.show(Entry("0001", 1, {"family": "wgan"}, {}, "canonical", kimg=3.0, d_loss=-1.5, state="pruned"))
    assert capsys.readouterr().out.splitlines()[-1].startswith("0001 wgan *  pruned")
    with showing("dcgan-1", 0.5, "fid") as live:
        live.phase("search")
        live.show(Entry("0001", 1, {}, {}, "sampler", kimg=3.0, d_loss=0.625, state="pruned"))
    assert "d_loss 0.625 (+0.125)" in capsys.readouterr().out


def test_in_a_pipe_what_an_earlier_driver_left_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    with showing("dcgan-1", 0.5, "fid") as live:
        live.show(Entry("0001", 1, {}, {}, "sampler", kimg=3.0, state="pruned"))
        live.show(Entry("0002", 2, {}, {}, "sampler", kimg=3.0))
        live.phase("search")
        live.show(Entry("0002", 2, {}, {}, "sampler", kimg=4.0, state="complete"))
        live.show(Entry("0001", 1, {}, {}, "sampler", kimg=3.0, state="pruned"), score=20.0)
    ended = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("0")]
    assert ended == ["0002", "0001"], "a fresh score is news"


def test_in_a_pipe_each_ended_trials_line_is_put_together_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    made, plain = [], cli_live._cells
    monkeypatch.setattr(cli_live, "_cells", lambda view, *given: [made.append(view.id), plain(view, *given)][1])
    with showing("dcgan-1", 0.5, "fid") as live:
        live.phase("search")
        for number in range(50):
            live.show(Entry(f"{number:04d}", number, {}, {}, "sampler", kimg=3.0, d_loss=0.6, state="pruned"))
    assert made == [f"{number:04d}" for number in range(50)]
    assert capsys.readouterr().out.count("  pruned  ") == 50

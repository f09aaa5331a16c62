"""Tables on terminals of any width, and in pipes."""

from __future__ import annotations

import re
import sys
from io import StringIO

import pytest

from gantune.cli.tables import print_table

COLUMNS = ["trial", "state", "best fid", "parameters"]
ROWS = [
    ["0001 *", "complete", "127.01", "family=dcgan lr_g=0.0002 beta1=0.5 g_loss=non_saturating"],
    ["0002", "pruned", "865.23", "family=began balance_rate=0.001"],
]


class Terminal(StringIO):
    """Takes what is printed, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def drawn(width: int, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]] = ROWS) -> list[str]:
    """The lines of the table on a terminal of that width, without colours."""
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(COLUMNS, rows)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in terminal.getvalue().splitlines()]


@pytest.mark.parametrize("width", [20, 34, 45, 60, 65, 80, 100])
def test_no_word_is_broken_or_lost_and_none_stands_over_the_edge(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(width, monkeypatch)
    wanted = sorted(word for row in [COLUMNS, *ROWS] for cell in row for word in cell.split())
    assert sorted(word for line in lines for word in line.split()) == wanted
    assert max(map(len, lines)) <= max(width, len("  g_loss=non_saturating"))


def test_a_wide_terminal_has_one_line_a_row_and_a_narrow_one_the_parameters_below(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(100, monkeypatch) == [
        "trial   state     best fid  parameters",
        "0001 *  complete  127.01    family=dcgan lr_g=0.0002 beta1=0.5 g_loss=non_saturating",
        "0002    pruned    865.23    family=began balance_rate=0.001",
    ]
    assert drawn(45, monkeypatch) == [
        "trial   state     best fid",
        "  parameters",
        "0001 *  complete  127.01",
        "  family=dcgan lr_g=0.0002 beta1=0.5",
        "  g_loss=non_saturating",
        "0002    pruned    865.23",
        "  family=began balance_rate=0.001",
    ]


def test_a_table_without_rows_and_one_whose_last_cells_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(80, monkeypatch, []) == ["trial  state  best fid  parameters"]
    assert drawn(30, monkeypatch, [["0001", "running", "", ""]])[-1] == "0001   running"


def test_a_pipe_gets_lines_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines()[0] == "trial\tstate\tbest fid\tparameters"

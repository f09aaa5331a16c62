"""Tables on terminals of any width, and in pipes."""

from __future__ import annotations

import re
import sys
from io import StringIO

import pytest
from rich.cells import cell_len

from gantune.cli.tables import print_table

COLUMNS = ["trial", "state", "best fid", "parameters"]
ROWS = [
    ["0001 *", "complete", "127.01", "family=dcgan lr_g=0.0002 beta1=0.5 g_loss=non_saturating"],
    ["0002", "pruned", "865.23", "family=began balance_rate=0.001"],
]
AWKWARD = [
    ["x [old]", "a-b", "", "path=/data/[old]/x width=[64,32] [/raw] 32-bit-and-16-bit"],
    ["數字", "数字生成", "1", "学習率を 小さく する 識別器の 損失を 見る と 良い"],
]


class Terminal(StringIO):
    """Takes what is printed, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def drawn(width: int, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]] = ROWS, columns: list[str] = COLUMNS) -> list[str]:
    """The lines of the table on a terminal of that width, without colours."""
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(columns, rows)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in terminal.getvalue().splitlines()]


@pytest.mark.parametrize("width", [26, 34, 45, 53, 54, 55, 60, 65, 80, 100])
@pytest.mark.parametrize("rows", [ROWS, AWKWARD])
def test_no_word_is_broken_or_lost_and_none_stands_over_the_edge(
    width: int, rows: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = drawn(width, monkeypatch, rows)
    wanted = sorted(word for row in [COLUMNS, *rows] for cell in row for word in cell.split())
    assert sorted(word for line in lines for word in line.split()) == wanted
    assert max(map(cell_len, lines)) <= width


def test_a_wide_terminal_has_one_line_a_row_and_a_narrow_one_the_parameters_below(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(100, monkeypatch) == [
        "trial   state     best fid  parameters",
        "0001 *  complete  127.01    family=dcgan lr_g=0.0002 beta1=0.5 g_loss=non_saturating",
        "0002    pruned    865.23    family=began balance_rate=0.001",
    ]
    assert drawn(60, monkeypatch)[1:3] == [
        "0001 *  complete  127.01    family=dcgan lr_g=0.0002",
        "                            beta1=0.5 g_loss=non_saturating",
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


def test_two_long_columns_share_what_the_others_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    found, mend = "torch 2.14.1, torchvision 0.29.1, ray 2.60.0", "Install this machine's gantune there"
    assert drawn(64, monkeypatch, [["ok", found, mend]], ["", "found", "mend"]) == [
        "    found                          mend",
        "ok  torch 2.14.1, torchvision      Install this machine's",
        "    0.29.1, ray 2.60.0             gantune there",
    ]


def test_a_word_longer_than_a_column_has_stands_below_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/a/folder/with/a/name/of/forty/cells/or/so"
    assert drawn(60, monkeypatch, [["0001", "running", "1", path]])[-1] == f"  {path}"


def test_a_table_without_rows_and_one_whose_last_cells_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(80, monkeypatch, []) == ["trial  state  best fid  parameters"]
    assert drawn(20, monkeypatch, [["0001", "running", "", ""]])[-1] == "0001   running"
    assert drawn(20, monkeypatch, [["0001", "running", "", "k=1"]])[-1] == "  k=1"


def test_a_pipe_gets_lines_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines()[0] == "trial\tstate\tbest fid\tparameters"

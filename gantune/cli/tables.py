"""Tables on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

LEAST = 24  # cells for a column of words, below which it is better read on lines of its own
GAP = 2


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: drawn on a terminal, tab-separated lines in a pipe.

    Where a terminal is too narrow even for long cells to go on in the next line, the columns that do not fit stand below the others, row
    by row, so that no word is broken that is not longer than a line.
    """
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            print("\t".join(row))
        return
    console = Console()
    whole = list(zip(columns, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in whole]
    least = [min(width, max(LEAST, _longest_word(column))) for width, column in zip(widths, whole, strict=True)]
    room = console.width - GAP * (len(columns) - 1)
    if sum(least) > room:
        _print_stacked(console, [columns, *rows], widths)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, width in zip(columns, _shared_out(room, least, widths), strict=True):
        table.add_column(Text(column), width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _longest_word(cells: Sequence[str]) -> int:
    return max(cell_len(word) for cell in cells for word in cell.split() or [""])


def _shared_out(room: int, least: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Widths from `least` to `wanted`: each column has the same share of what is left, or what it wants."""
    widths, left = list(least), room - sum(least)
    in_need = sorted(range(len(least)), key=lambda index: wanted[index] - least[index])
    for done, index in enumerate(in_need):
        more = min(wanted[index] - least[index], left // (len(in_need) - done))
        widths[index] += more
        left -= more
    return widths


def _print_stacked(console: Console, rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    beside, used = 1, widths[0]
    while used + GAP + widths[beside] <= console.width:
        used += GAP + widths[beside]
        beside += 1
    for number, row in enumerate(rows):
        style = "bold" if number == 0 else ""
        first = "".join(cell + " " * (width + GAP - cell_len(cell)) for cell, width in zip(row[:beside], widths, strict=False))
        console.print(Text(first.rstrip(), style), soft_wrap=True)
        below = Text((" " * GAP).join(cell for cell in row[beside:] if cell), style)
        for line in below.wrap(console, max(console.width - GAP, 1)) if below else []:
            line.rstrip()
            console.print(Text(" " * GAP).append_text(line), soft_wrap=True)

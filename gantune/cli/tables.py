"""Tables on standard output."""

from __future__ import annotations

import itertools
import sys
import textwrap
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

LEAST = 30  # cells for a column of words, below which it is better read on lines of its own
GAP = 2


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: drawn on a terminal, tab-separated lines in a pipe.

    Where a terminal is too narrow, the columns that do not fit stand below the others, row by row, so that no word is broken.
    """
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            print("\t".join(row))
        return
    console = Console()
    whole = list(zip(columns, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in whole]
    longest = max(cell_len(word) for cell in whole[-1] for word in cell.split() or [""])  # of the last column's words
    fitting = sum(end <= console.width + GAP for end in itertools.accumulate(width + GAP for width in widths))
    if fitting < len(columns) and console.width - sum(width + GAP for width in widths[:-1]) < max(LEAST, longest):
        for number, row in enumerate([columns, *rows]):
            _print_stacked(console, row, widths[: max(fitting, 1)], "bold" if number == 0 else "")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column is not columns[-1])
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _print_stacked(console: Console, row: Sequence[str], widths: Sequence[int], style: str) -> None:
    beside, below = row[: len(widths)], (" " * GAP).join(row[len(widths) :])
    first = (" " * GAP).join(cell + " " * (width - cell_len(cell)) for cell, width in zip(beside, widths, strict=True))
    wrapped = textwrap.wrap(below, max(console.width - GAP, 1), break_long_words=False, break_on_hyphens=False)
    for line in [first.rstrip(), *(" " * GAP + line for line in wrapped)]:
        console.print(Text(line, style), soft_wrap=True)

"""table.md and table.tex: the ranked trials and the finalists, one table for each way of measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gantune.report.by_family import by_family
from gantune.report.finals import Final, verdict
from gantune.report.numbers import mean_std, number, setting
from gantune.report.provenance import in_words
from gantune.report.rows import NO_VALUE, NOT_RESCORED, Row, Sweep
from gantune.tracking.settings_key import measured_with

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "∞": r"$\infty$",
    "·": r"$\cdot$",
    "…": r"\dots{}",
}


@dataclass(frozen=True)
class Table:
    """A caption, a header and rows of text."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def group_title(sweep: Sweep, group: str) -> str:
    """What the trials of a settings group have in common, in words."""
    if group == NO_VALUE:
        return f"without a finite {sweep.label}, unranked"
    if group == NOT_RESCORED:
        return f"best {sweep.label} measured while training, not rescored on fresh samples"
    if not group:
        return "best checkpoints rescored on fresh samples, settings not recorded"
    first = measured_with(sweep.groups[group][0].record.score)
    return f"best checkpoints rescored on fresh samples ({in_words(first)})"


def tables(sweep: Sweep, finals: Sequence[Final]) -> list[Table]:
    """Finalists first, then the families where there are several, then the trials by settings group."""
    found = [_finals_table(sweep, finals)] if finals else []
    found += [_families_table(sweep)] if sweep.is_zoo else []
    return found + [_trials_table(sweep, group, rows) for group, rows in sweep.groups.items()]


def markdown(found: Sequence[Table]) -> str:
    """GitHub-flavoured Markdown."""
    blocks = []
    for table in found:
        lines = [f"**{table.caption}**", "", _md(table.header), _md(["---"] * len(table.header))]
        blocks.append("\n".join([*lines, *(_md(row) for row in table.rows)]))
    return "\n\n".join(blocks) + "\n"


def latex(found: Sequence[Table]) -> str:
    """A compilable document whose tables (booktabs, longtable) can be lifted out one by one."""
    blocks = []
    for table in found:
        columns = "l" * len(table.header)
        blocks.append(
            "\n".join(
                [
                    rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
                    rf"\caption{{{escape(table.caption)}}} \\",
                    r"\toprule",
                    " & ".join(escape(cell) for cell in table.header) + r" \\",
                    r"\midrule",
                    r"\endhead",
                    *(" & ".join(escape(cell) for cell in row) + r" \\" for row in table.rows),
                    r"\bottomrule",
                    r"\end{longtable}",
                ]
            )
        )
    head = ["\\documentclass{article}", "\\usepackage[utf8]{inputenc}", "\\usepackage[T1]{fontenc}", "\\usepackage{booktabs,longtable}"]
    head += ["\\usepackage[landscape,margin=1.5cm]{geometry}", "\\begin{document}", "\\small"]
    head = ["% Compile it three times: longtable takes its widths from the run before.", *head]
    return "\n".join(head) + "\n\n" + "\n\n".join(blocks) + "\n\n\\end{document}\n"


def escape(text: str) -> str:
    """`text` as LaTeX prints it literally; characters beyond ASCII without a command become "?"."""
    return "".join(LATEX.get(sign, sign if sign.isascii() and sign.isprintable() else " " if sign.isspace() else "?") for sign in text)


def _md(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _trials_table(sweep: Sweep, group: str, rows: Sequence[Row]) -> Table:
    header = ("rank", "trial", "reason", "kimg", "seconds", f"{sweep.label} best", f"{sweep.label} rescored", *sweep.searched)
    return Table(f"{sweep.name}: {group_title(sweep, group)}", header, tuple(_trial_cells(sweep, row) for row in rows))


def _trial_cells(sweep: Sweep, row: Row) -> tuple[str, ...]:
    trial = row.record
    name = f"{row.id} (canonical)" if trial.origin == "canonical" else row.id
    cells = [number(row.rank), name, str(trial.reason or trial.state), setting(trial.kimg), number(trial.seconds)]
    cells += [number(row.best, 4), number(row.rescored, 4)]
    return (*cells, *(setting(trial.params.get(name)) for name in sweep.searched))


def _finals_table(sweep: Sweep, finals: Sequence[Final]) -> Table:
    header = ("setting", f"{sweep.label} mean ± std", "seeds", "every seed", "against canonical, 95 % interval (Welch)")
    rows = []
    for final in finals:
        summary = final.summary
        spread = mean_std(summary.mean, summary.std) if summary else "–"
        values = ", ".join(f"{seed}: {number(value, 4)}" for seed, value in final.values.items())
        failed = "".join(f", {seed}: no finite value" for seed in final.failed)
        rows.append((final.title, spread, str(len(final.values)), (values + failed).lstrip(", "), verdict(final, sweep.mode)))
    return Table(f"{sweep.name}: finalists and the canonical setting with fresh seeds", header, tuple(rows))


def _families_table(sweep: Sweep) -> Table:
    header = ("family", f"best {sweep.label}", "trial", "canonical setting", "trials", "stopped early")
    rows = [
        (
            one.family,
            one.shown(one.best),
            one.best.id if one.best else "–",
            one.shown(one.canonical),
            str(len(one.rows)),
            str(one.stopped_early),
        )
        for one in by_family(sweep)
    ]
    return Table(f"{sweep.name}: each family's best trial and canonical setting", header, tuple(rows))

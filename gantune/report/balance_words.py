"""The sentences about configurations over seeds."""

from __future__ import annotations

from collections.abc import Sequence

from gantune.report.balance import Configuration
from gantune.report.equilibria import Line
from gantune.report.finals import signed
from gantune.report.numbers import mean_std
from gantune.report.rows import Sweep, finite
from gantune.report.welch import difference


def title(sweep: Sweep) -> str:
    """The experiment's name."""
    return "Learning-rate balance over seeds" if "lr_ratio" in sweep.searched else "Configurations over seeds"


def explanation(sweep: Sweep, found: Sequence[Configuration]) -> str:
    """How configurations are made, and what is missing."""
    text = "Trials that differ in nothing but the seed are one configuration; ± is the standard deviation over its seeds (n − 1). "
    text += "Losses are means over seeds and the last quarter of each curve."
    missing = [one.title for one in found if any(row.value is None for row in one.rows)]
    return text + (f" Without a value for some seeds: {'; '.join(missing)}." if missing else "")


def headline(sweep: Sweep, found: Sequence[Configuration]) -> str:
    """The best configuration by its mean over seeds, and what sets it apart from each other one."""
    sign = 1 if sweep.mode == "min" else -1
    valued = sorted((one for one in found if one.summary), key=lambda one: sign * one.summary.mean if one.summary else 0)
    if not valued or len({one.group for one in valued}) > 1:
        why = "They were measured with different settings, so no best one is named." if valued else "No configuration has a value yet."
        return f"{len(found)} configurations over several seeds. {why}"
    best, others = valued[0], valued[1:]
    assert best.summary
    text = f"The {'lowest' if sweep.mode == 'min' else 'highest'} mean {sweep.label} is that of {best.title}: "
    text += f"{mean_std(best.summary.mean, best.summary.std)} over {best.summary.n} seeds. "
    near: list[Configuration] = []
    apart: list[Configuration] = []
    for one in others:
        found_gap = difference(finite(row.value for row in one.rows), finite(row.value for row in best.rows))
        (apart if found_gap and found_gap.is_evident else near).append(one)
    if apart:
        text += f"The 95 % interval (Welch) of the difference leaves out 0 for {_listing(apart)}. "
    if near:
        text += f"There is no evidence of a difference from {_listing(near)}. "
    return text + ("With few seeds such intervals are wide; they are not corrected for their number." if len(others) > 1 else "")


def gap(best: Configuration, one: Configuration) -> str:
    """The difference of a configuration's mean from the best one's, with its interval."""
    if one is best:
        return "the best mean"
    values = finite(row.value for row in one.rows), finite(row.value for row in best.rows)
    found = difference(*values) if all(values) and one.group == best.group else None
    return f"{signed(found.value)} [{signed(found.low)}, {signed(found.high)}]" if found else "–"


def _listing(found: Sequence[Configuration]) -> str:
    return "; ".join(f"{one.title} ({mean_std(one.summary.mean, one.summary.std)})" for one in found if one.summary)


def note(shown: int, of: int, line: Line) -> str:
    """What the dashed level is, and whether configurations are missing."""
    level = f" The dotted level is {line.label}." if line.value is not None else f" {line.label}"
    return level + (f" The first {shown} of {of} configurations are drawn." if shown < of else "")

"""The page's table of trials: a row each, with what it is sorted by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gantune.report import words
from gantune.report.numbers import number, setting, sort_key
from gantune.report.rows import NO_VALUE, NOT_RESCORED, Row, Sweep
from gantune.report.tables import group_title
from gantune.tracking.checkpoints import told

OF_RANKINGS = ("ndcg_at_5", "precision_at_5")
EXTRA = (*OF_RANKINGS, "modes", "hq_share", "precision", "recall", "coverage", "kid", "fid")  # the first two that were measured
KINDS = {
    "budget": "",
    "asha": "",
    "median": "",
    "equilibrium": "settled",
    "plateau": "settled",
    "running": "running",
    "interrupted": "running",
}
KINDS |= dict.fromkeys(("d_won", "d_dead", "mode_collapse", "diverged", "hopeless"), "failed") | dict.fromkeys(
    ("infra", "error", "user"), "broken"
)


def trial_group(sweep: Sweep, name: str, rows: Sequence[Row], leading: bool) -> dict[str, Any]:
    """The table of one group of comparable trials, with the sentence above it. `leading` is the group of the best."""
    rescored = name not in (NO_VALUE, NOT_RESCORED)
    extra = [metric for metric in EXTRA if metric != sweep.metric and any(_metric(row, metric) is not None for row in rows)][:2]
    return {
        "sentence": words.group(sweep, name, group_title(sweep, name), len(rows)),
        "rescored": rescored,
        "leading": leading,
        "extra": extra,
        "rows": [_trial(row, sweep, rescored, extra) for row in rows],
    }


def _trial(row: Row, sweep: Sweep, rescored: bool, extra: Sequence[str]) -> dict[str, Any]:
    trial, reason = row.record, str(row.record.reason or row.record.state)
    cells = [{"text": setting(trial.kimg), "sort": sort_key(trial.kimg)}, _cell(trial.seconds), _cell(row.best, 4)] + (
        [_cell(row.rescored, 4)] if rescored else []
    )
    cells += [{"text": setting(value), "sort": sort_key(value)} for value in (trial.params.get(name) for name in sweep.searched)]
    cells += [_cell(_metric(row, name)) for name in extra]
    evidence = "; ".join(str(part) for part in (trial.evidence, told(trial.let_go)) if part)
    tag = trial.origin if trial.origin in ("canonical", "user") else ""
    return {
        "rank": row.rank,
        "id": row.id,
        "tag": tag,
        "note": trial.note,
        "reason": reason.replace("_", " "),
        "kind": KINDS.get(reason, ""),
        "evidence": evidence,
        "cells": cells,
    }


def _metric(row: Row, name: str) -> float | None:
    """Rescored where there is one, else as last measured while training."""
    if name in row.metrics:
        return row.metrics[name]
    if row.rescored is not None:
        return None
    return next((point[name] for point in reversed(row.record.points) if name in point), None)


def _cell(value: float | None, digits: int = 3) -> dict[str, str]:
    return {"text": number(value, digits), "sort": sort_key(value)}

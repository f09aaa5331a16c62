"""trials.parquet, trials.csv and curves.parquet: every trial and every point, with typed columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gantune.report.rows import Row, Sweep
from gantune.tracking.settings_key import measured_with

if TYPE_CHECKING:
    import pyarrow as pa


def trials_table(sweeps: Sequence[Sweep]) -> pa.Table:
    """One row a trial; see `gantune.report` for the columns."""
    import pyarrow as pa

    rows = [(sweep, row) for sweep in sweeps for row in sweep.rows]
    columns: dict[str, pa.Array] = {
        "sweep": _text(sweep.name for sweep, _ in rows),
        "family": _text(sweep.record.family_of(row.record) for sweep, row in rows),
        "data": _text(sweep.spec.get("data") for sweep, _ in rows),
        "objective": _text(sweep.metric for sweep, _ in rows),
        "trial": _text(row.id for _, row in rows),
        "number": pa.array([row.record.number for _, row in rows], pa.int64()),
        "origin": _text(row.record.origin for _, row in rows),
        "state": _text(row.record.state for _, row in rows),
        "reason": _text(row.record.reason for _, row in rows),
        "evidence": _text(row.record.evidence for _, row in rows),
        "note": _text(row.record.note for _, row in rows),
        "rank": pa.array([row.rank for _, row in rows], pa.int64()),
        "settings": _text(row.group for _, row in rows),
        "kimg": _real(row.record.kimg for _, row in rows),
        "device_seconds": _real(row.record.seconds for _, row in rows),
        "best": _real(row.best for _, row in rows),
        "best_kimg": _real(row.record.best_kimg for _, row in rows),
        "rescored": _real(row.rescored for _, row in rows),
        "provenance": _text(_json(measured_with(row.record.score) or None) for _, row in rows),
        "searched": _text(",".join(sorted(row.record.params)) for _, row in rows),
    }
    for name in _names(row.metrics for _, row in rows):
        columns[f"rescored.{name}"] = _real(row.metrics.get(name) for _, row in rows)
    for name in _names(_settings(row) for _, row in rows):
        columns[f"param.{name}"] = _typed([_settings(row).get(name) for _, row in rows])
    return pa.table(columns)


def curves_table(sweeps: Sequence[Sweep]) -> pa.Table:
    """One row a report. Null: not measured this time; NaN: measured as NaN."""
    import pyarrow as pa

    rows = [(sweep.name, trial.id, point) for sweep in sweeps for trial in sweep.record.trials for point in trial.points]
    columns: dict[str, pa.Array] = {"sweep": _text(name for name, *_ in rows), "trial": _text(trial for _, trial, _ in rows)}
    names = _names(point for *_, point in rows)
    for name in [name for name in ("kimg", "images", "seconds") if name in names] + [
        name for name in names if name not in ("kimg", "images", "seconds")
    ]:
        columns[name] = _real(point.get(name) for *_, point in rows)
    if "kimg" not in columns:
        columns["kimg"] = pa.array([], pa.float64())
    return pa.table(columns)


def parquet(table: pa.Table) -> bytes:
    """The table as a Parquet file's bytes."""
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def csv(table: pa.Table) -> bytes:
    """The table as UTF-8 CSV with a header; nulls are empty."""
    import pyarrow as pa
    import pyarrow.csv

    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _settings(row: Row) -> dict[str, Any]:
    return {**row.record.values, **row.record.params}


def _names(entries: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry))


def _text(values: Iterable[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _real(values: Iterable[Any]) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _typed(values: list[Any]) -> pa.Array:
    """bool, int64, float64 or (for anything else, schedules as JSON) text."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float}:
        return _real(values)
    return _text(value if value is None or isinstance(value, str) else _json(value) for value in values)


def _json(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value, sort_keys=True, default=str)

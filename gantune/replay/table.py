"""Recorded trials as one Parquet file: a benchmark for schedulers and stop rules that can be handed on."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gantune.config import Config
from gantune.errors import UserError
from gantune.families import FAMILIES, open_family
from gantune.replay.recording import Recording
from gantune.signals import SIGNALS, Point

FORMAT = b"gantune recording 1"
EXACT = ("kimg", "seconds", "eval_seconds")  # the others are kept to seven digits
LEFT_OUT = ("images", "d_images", "g_images", "d_steps", "g_steps", "images_per_s")  # follow from those


@dataclass(frozen=True)
class About:
    """What all trials of a file have in common. `values` are the settings that were not searched, `command` is what made it."""

    family: str
    data: str
    objective: str
    mode: str
    budget_kimg: float
    report_every: float
    values: Mapping[str, Any]
    command: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Trace:
    """One trial to be written: what was searched, and its reports. `group` says what it was trained for."""

    id: str
    group: str
    params: Mapping[str, Any]
    points: Sequence[Point]


def write_table(path: Path, about: About, traces: Sequence[Trace]) -> None:
    """Write `traces` to `path`, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet

    rows = [(trace, point) for trace in traces for point in trace.points]
    names = [name for name in SIGNALS if name not in LEFT_OUT and any(name in point for _, point in rows)]
    columns: dict[str, Any] = {
        "trial": pa.array([trace.id for trace, _ in rows]).dictionary_encode(),
        "group": pa.array([trace.group for trace, _ in rows]).dictionary_encode(),
        "params": pa.array([json.dumps(dict(trace.params), sort_keys=True) for trace, _ in rows]).dictionary_encode(),
    }
    for name in names:
        kind = pa.float64() if name in EXACT else pa.float32()
        columns[name] = pa.array([point.get(name) for _, point in rows], kind, from_pandas=False)
    described = {b"format": FORMAT, b"about": json.dumps(about.__dict__, sort_keys=True, default=dict).encode()}
    table = pa.table(columns).replace_schema_metadata(described)
    partial = path.with_name(f".{path.name}.part")
    pyarrow.parquet.write_table(table, partial, compression="zstd", compression_level=19)
    partial.replace(path)


def read_table(path: Path) -> tuple[About, list[Recording]]:
    """What `write_table` wrote. `UserError` when the file is missing, damaged, something else, or of a family that is not bundled."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}.") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} is no Parquet file, or damaged: {error}") from None
    kept = table.schema.metadata or {}
    if kept.get(b"format") != FORMAT:
        raise UserError(f"{path} is no recording of this version of gantune.")
    about = About(**json.loads(kept[b"about"]))
    if about.family not in FAMILIES:
        raise UserError(f"{path} is of family {about.family}, which is not bundled.")
    family = open_family(about.family)
    found = []
    for (id, group, params), rows in itertools.groupby(table.to_pylist(), key=lambda row: (row["trial"], row["group"], row["params"])):
        searched = json.loads(params)
        points = [{name: value for name, value in row.items() if name in SIGNALS and value is not None} for row in rows]
        measuring = itertools.accumulate(point.get("eval_seconds", 0.0) for point in points)
        found.append(
            Recording(
                id=id,
                points=tuple(points),
                clock=tuple(point.get("seconds", math.nan) + spent for point, spent in zip(points, measuring, strict=True)),
                equilibrium=family.equilibrium(Config.of(family, about.data, {**about.values, **searched}).hparams),
                objective=about.objective,
                mode=about.mode,
                budget_kimg=about.budget_kimg,
                group=group,
                params=searched,
            )
        )
    return about, found

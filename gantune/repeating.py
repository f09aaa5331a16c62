"""A run of a sweep as the `gantune train` command that repeats it."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import Any

from gantune.config import Config
from gantune.families import open_family
from gantune.metrics import MetricSettings
from gantune.segments import Segment, lineage
from gantune.single import usual_values
from gantune.tracking.record import SweepRecord, TrialRecord


def train_command(record: SweepRecord, trial: TrialRecord) -> str:
    """The command that trains what `trial` is: its settings, and those that changed on the way where a population made it."""
    values, segments = lineage(trial.id, {one.id: one for one in record.trials})
    ref, data, budget = record.ref_of(trial), record.spec["data"], record.spec["budget"]
    every = float(budget["report_every"])
    usual = usual_values(ref, data)
    family = open_family(ref)
    start = Config.of(family, data, values).flat()
    words = ["gantune", "train", ref, *(("--data", data) if data != family.default_data else ())]
    words += ["--kimg", f"{budget['kimg']:.15g}", "--report-every", f"{every:.15g}"]
    for name, value in start.items():
        schedule = _schedule(name, value, segments)
        if len(schedule) > 1:
            words += ["--set", f"{name}={{{', '.join(f'{at:.15g}: {json.dumps(each)}' for at, each in schedule.items())}}}"]
        elif value != usual[name]:
            words += ["--set", f"{name}={json.dumps(value)}"]
    plain = dataclasses.asdict(MetricSettings())
    for name, value in record.spec["metrics"].items():
        if value != plain[name]:
            words += ["--set", f"metrics.{name}={json.dumps(value)}"]
    return shlex.join(words)


def _schedule(name: str, value: Any, segments: list[Segment]) -> dict[float, Any]:
    """What the parameter is from which kimg on."""
    steps = {0.0: value}
    for segment in segments:
        if name in segment.values and segment.values[name] != steps[max(steps)]:
            steps[segment.kimg] = segment.values[name]
    return steps

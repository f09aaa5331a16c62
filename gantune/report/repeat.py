"""How to repeat a sweep: the command lines and the versions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantune.report.rows import Sweep


def commands(sweep: Sweep) -> str:
    """The sweep again, its report, and the best trial alone."""
    spec = sweep.spec
    source, name = Path(str(spec.get("source", ""))), sweep.name.rsplit("-", 1)[0]
    named = spec.get("name") or name
    given = str(source) if source.suffix in (".yaml", ".yml") and source.parent.name != "sweeps" else source.stem or named
    typed = sweep.record.about.get("command") or shlex.join(["gantune", "sweep", given, *_sets(spec)])
    lines = [str(typed), shlex.join(["gantune", "report", sweep.name])]
    if sweep.best is not None and spec.get("family"):
        trial = sweep.best.record
        values = {**trial.values, **{name: value for name, value in trial.params.items() if not sweep.is_zoo or name != "family"}}
        train = [
            "gantune",
            "train",
            sweep.record.ref_of(trial),
            "--data",
            str(spec.get("data", "")),
            "--kimg",
            f"{sweep.kimg_budget or 0:g}",
        ]
        train += [part for name, value in values.items() for part in ("--set", f"{name}={_given(value)}")]
        lines += [f"# trial {sweep.best.id} alone", shlex.join(train)]
    return "\n".join(lines)


def versions(sweep: Sweep) -> list[tuple[str, str]]:
    """Versions and machine of each driver, the latest last."""
    found: dict[str, str] = {}
    for driver in sweep.record.drivers:
        found |= {str(name): str(value) for name, value in (driver.get("versions") or {}).items()}
    if not found:
        found = {str(name): str(value) for name, value in (sweep.record.about.get("versions") or {}).items()}
    items = sorted(found.items())
    count = len(sweep.record.drivers)
    if count > 1:
        items.append(("driver started", f"{count} times (resumed)"))
    return items or [("versions", "not recorded")]


def _sets(spec: Mapping[str, Any]) -> list[str]:
    budget = spec.get("budget") or {}
    parts = ["--data", str(spec["data"])] if spec.get("data") else []
    parts += ["--trials", str(budget["trials"])] if budget.get("trials") else []
    return parts + (["--set", f"budget.kimg={budget['kimg']:g}"] if budget.get("kimg") else [])


def _given(value: Any) -> str:
    if isinstance(value, (list, tuple)) and value and all(isinstance(step, (list, tuple)) and len(step) == 2 for step in value):
        return "{" + ", ".join(f"{start:g}: {then}" for start, then in value) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)

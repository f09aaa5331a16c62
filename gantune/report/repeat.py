"""How to repeat a sweep: the command lines and the versions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantune.repeating import train_command
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
        lines += [f"# trial {sweep.best.id} alone", train_command(sweep.record, sweep.best.record)]
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

"""A sweep's events, read while they are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def spool(folder: Path) -> list[dict[str, Any]]:
    """Whole lines, as far as they are written."""
    file = folder / "spool.jsonl"
    return [json.loads(line) for line in file.read_text().split("\n")[:-1]] if file.exists() else []

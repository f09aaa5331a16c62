"""The settings a metric value was measured with, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gantune.report.numbers import number
from gantune.tracking.settings_key import DRAWN, SAMPLING

LABELS = {
    "extractor": "features",
    "weights_hash": "weights",
    "resize": "resize",
    "split": "real split",
    "n_real": "real images",
    "n_fake": "generated images",
    "n_queries": "held-out queries",
    "gain": "gain of a document",
    "fingerprint": "data fingerprint",
    "data": "data set",
    "shape": "shape",
    "batch_norm": "batch norm",
    "ema_kimg": "weight average",
    "version": "version of the metrics",
}
BESIDE = {"n_floor"}  # said beside the floor


def in_words(provenance: Mapping[str, Any] | None) -> str:
    """The settings that matter most, such as `features mnist_cnn, 1,000 real and 2,000 generated images`."""
    if not provenance:
        return "settings not recorded"
    parts = [f"features {provenance['extractor']}"] if "extractor" in provenance else []
    counts = [f"{_count(provenance[name])} {noun}" for name, noun in (("n_real", "real"), ("n_fake", "generated")) if name in provenance]
    parts += [" and ".join(counts) + " images"] if counts else []
    parts += [f"{_count(provenance['n_queries'])} held-out queries"] if "n_queries" in provenance else []
    parts += [f"real split {provenance['split']}"] if "split" in provenance and "n_queries" not in provenance else []
    return ", ".join(parts) or "settings listed at the end"


def listed(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value in words) of every setting, the known ones first and in reading order."""
    known = [name for name in LABELS if name in provenance]
    others = sorted(set(provenance) - set(LABELS) - DRAWN - BESIDE)
    return [(LABELS.get(name, name.replace("_", " ")), _value(name, provenance[name])) for name in [*known, *others]]


def differing(groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Labels of the settings in which the groups disagree."""
    names = {name for settings in groups.values() for name in settings} - DRAWN
    odd = {name for name in names if len({json.dumps(one.get(name), sort_keys=True, default=str) for one in groups.values()}) > 1}
    return [LABELS.get(name, name.replace("_", " ")) for name in sorted(odd)]


def varied(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """What of the sampling differs among values that are ranked together, as the search itself decides it."""
    return [name for name in SAMPLING if len({json.dumps(one.get(name), default=str) for one in settings}) > 1]


def _value(name: str, value: Any) -> str:
    if name == "ema_kimg" and not isinstance(value, str):
        return f"half-life {value:g} kimg" if value else "off"
    if name == "n_real":
        return _count(value)
    if isinstance(value, (list, tuple)):
        return " × ".join(str(part) for part in value)
    if value is None:
        return {"weights": "the extractor's own"}.get(name, "none")
    return number(value)


def _count(value: Any) -> str:
    return "all" if value == 0 else f"{value:,}" if isinstance(value, int) else str(value)

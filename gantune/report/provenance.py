"""The settings a metric value was measured with: values are ranked together only where these agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from gantune.report.numbers import number

LABELS = {
    "extractor": "features",
    "weights_hash": "weights",
    "resize": "resize",
    "split": "real split",
    "n_real": "real images",
    "n_fake": "generated images",
    "fingerprint": "data fingerprint",
    "data": "data set",
    "shape": "shape",
    "batch_norm": "batch norm",
    "ema_kimg": "weight average",
    "version": "version of the metrics",
}
SAMPLING = ("batch_norm", "ema_kimg")  # how samples were drawn, as far as values depend on it
DRAWN = {"seed", "seeds"}  # differ from value to value without making them incomparable


def measured_with(event: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a `score` or `final` event: its provenance, and how the samples were drawn."""
    sampling = (event or {}).get("sampling") or {}
    return {**((event or {}).get("provenance") or {}), **{name: sampling[name] for name in SAMPLING if name in sampling}}


def settings_key(provenance: Mapping[str, Any] | None, searched: Collection[str] = ()) -> str:
    """Eight hex digits that agree for values which may be ranked together; "" where nothing is known.

    A setting that the sweep itself searches (`ema_kimg`) is part of what is compared and does not split.
    """
    if not provenance:
        return ""
    ignored = DRAWN | (set(SAMPLING) if "ema_kimg" in searched else set())
    kept = {name: value for name, value in provenance.items() if name not in ignored}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:8]


def in_words(provenance: Mapping[str, Any] | None) -> str:
    """The settings that matter most, such as `features mnist_cnn, 1,000 real and 2,000 generated images`."""
    if not provenance:
        return "settings not recorded"
    parts = [f"features {provenance['extractor']}"] if "extractor" in provenance else []
    counts = [f"{_count(provenance[name])} {noun}" for name, noun in (("n_real", "real"), ("n_fake", "generated")) if name in provenance]
    parts += [" and ".join(counts) + " images"] if counts else []
    parts += [f"real split {provenance['split']}"] if "split" in provenance else []
    return ", ".join(parts) or "settings listed at the end"


def listed(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value in words) of every setting, the known ones first and in reading order."""
    known = [name for name in LABELS if name in provenance]
    others = sorted(set(provenance) - set(LABELS) - DRAWN)
    return [(LABELS.get(name, name.replace("_", " ")), _value(name, provenance[name])) for name in [*known, *others]]


def differing(groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Labels of the settings in which the groups disagree."""
    names = {name for settings in groups.values() for name in settings} - DRAWN
    odd = {name for name in names if len({json.dumps(one.get(name), sort_keys=True, default=str) for one in groups.values()}) > 1}
    return [LABELS.get(name, name.replace("_", " ")) for name in sorted(odd)]


def _value(name: str, value: Any) -> str:
    if name == "ema_kimg":
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

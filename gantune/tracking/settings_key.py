"""The settings that a metric value was measured with: values are ranked together only where these agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gantune.params import params_of
from gantune.training.settings import Training

SAMPLING = ("batch_norm", "ema_kimg")  # how samples were drawn, as far as values depend on it
DRAWN = {"seed", "seeds"}  # differ from value to value without making them incomparable
Settings = Mapping[str, Any]
Measured = tuple[Mapping[str, Any], Settings]  # a configuration's flat values; what its value was measured with


def measured_with(event: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a `score` or `final` event: its provenance, and how the samples were drawn."""
    sampling = (event or {}).get("sampling") or {}
    return {**((event or {}).get("provenance") or {}), **{name: sampling[name] for name in SAMPLING if name in sampling}}


def settings_key(settings: Settings | None, configured: Collection[str] = ()) -> str:
    """Eight hex digits that agree for values which may be ranked together; "" where nothing is known.

    `configured` names what belongs to the configurations that are compared, and so does not split (see `configured_by`).
    """
    if not settings:
        return ""
    kept = {name: value for name, value in settings.items() if name not in DRAWN and name not in configured}
    return hashlib.sha256(_text(kept).encode()).hexdigest()[:8]


def configured_by(measured: Iterable[Measured]) -> frozenset[str]:
    """Of `SAMPLING`, what differs within a sweep for no other reason than its configurations: the sweep searches the average's
    half-life, or a parameter that changes the networks. What differs between configurations that agree in these was measured
    in another way."""
    seen: dict[str, dict[str, set[str]]] = {name: {} for name in SAMPLING}
    for values, settings in measured:
        causes = {"ema_kimg": _text(values.get("ema_kimg")), "batch_norm": _networks(values)}
        for name in SAMPLING:
            seen[name].setdefault(causes[name], set()).add(_text(settings.get(name)))
    return frozenset(
        name
        for name, by_cause in seen.items()
        if len(set().union(*by_cause.values())) > 1 and all(len(found) == 1 for found in by_cause.values())
    )


def _networks(values: Mapping[str, Any]) -> str:
    """What decides whether a generator has batch norm, and of which statistics: its family's own discrete parameters (a share or a
    weight adds no layer of this kind), and whether weights are averaged."""
    trainer = params_of(Training)
    own = {name: value for name, value in values.items() if name not in trainer and not isinstance(value, float)}
    return _text({**own, "averaged": bool(values.get("ema_kimg"))})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)

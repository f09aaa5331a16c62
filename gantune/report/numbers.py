"""How the report writes numbers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

MINUS = "−"


def number(value: Any, digits: int = 3) -> str:
    """A number at `digits` significant digits with a true minus; "–" where there is none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, (int, float)):
        return str(value)
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: MINUS + "∞"}.get(value, "NaN")
    if value == 0:
        return "0"
    size = abs(value)
    if isinstance(value, int) and size < 1e7:
        text = f"{value:,}"
    elif size >= 1e7 or size < 1e-3:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}e{int(exponent)}"
    else:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{value:,.{decimals}f}"
    return text.replace("-", MINUS)


def setting(value: Any) -> str:
    """A parameter at three digits (the data files are exact); a schedule as `5, from 20 kimg 1`."""
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e7:
            return number(int(value))
        text = number(value)
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    if isinstance(value, (list, tuple)) and value and all(isinstance(step, (list, tuple)) and len(step) == 2 for step in value):
        (_, first), *rest = value
        return ", ".join([setting(first), *(f"from {setting(start)} kimg {setting(then)}" for start, then in rest)])
    return number(value)


def mean_std(mean: float, std: float | None) -> str:
    """Such as `12.3 ± 0.4`: the mean has the decimals that its deviation makes meaningful."""
    if std is None:
        return number(mean, 4)
    decimals = min(6, max(0, 1 - math.floor(math.log10(std)))) if std > 0 else 2
    decimals = min(decimals, max(0, 3 - math.floor(math.log10(abs(mean))))) if mean else decimals
    return f"{mean:,.{decimals}f} ± {std:,.{decimals}f}".replace("-", MINUS)


def percent(share: float | None) -> str:
    """A share in whole percent."""
    return "–" if share is None else f"{100 * share:.0f} %"


def duration(seconds: float | None) -> str:
    """Seconds as `42 s`, `3 min 20 s`, `5 h 12 min`."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s" if seconds >= 10 else f"{number(seconds, 2)} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"


def date(unix: float | None) -> str:
    """A time in UTC to the minute."""
    return "–" if unix is None else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")


def sort_key(value: Any) -> str:
    """What the page sorts a cell by: a number exactly, other values as text; "" where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, (int, float)) else str(value)

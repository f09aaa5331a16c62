"""index.html: one self-contained page, from the sweeps' values to text, tables and figures."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from gantune.report.comparison import comparison, overlays
from gantune.report.compute import progress
from gantune.report.finals import contenders
from gantune.report.numbers import date
from gantune.report.rows import Sweep
from gantune.report.section import Shelf, section


def render(sweeps: Sequence[Sweep], now: float | None = None) -> str:
    """The whole page as text."""
    from jinja2 import Environment, StrictUndefined
    from plotly.offline import get_plotlyjs

    shelf = Shelf()
    finals = [contenders(sweep) for sweep in sweeps]
    tracks = [progress(sweep) for sweep in sweeps]
    several = len(sweeps) > 1
    assets = files("gantune.report") / "assets"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((assets / "page.html.j2").read_text("utf-8")).render(
        title=sweeps[0].name if not several else f"Comparison of {len(sweeps)} sweeps",
        written=date(time.time() if now is None else now),
        sweeps=[section(sweep, shelf, final, track) for sweep, final, track in zip(sweeps, finals, tracks, strict=True)],
        comparison=comparison(sweeps, finals) if several else [],
        overlays=overlays(sweeps, tracks, shelf) if several else [],
        figures=Markup(_json(shelf.figures)),
        css=Markup((assets / "page.css").read_text("utf-8")),
        js=Markup((assets / "page.js").read_text("utf-8")),
        plotly=Markup(get_plotlyjs()),
    )


def _json(figures: dict[str, Any]) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(figures, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

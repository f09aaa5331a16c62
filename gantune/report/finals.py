"""Finalists and the canonical setting, re-run with fresh seeds: mean ± std and the difference with its interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gantune.report.numbers import mean_std, number
from gantune.report.rows import Sweep, finite
from gantune.report.welch import Difference, Summary, difference, summarise
from gantune.tracking.settings_key import configured_by, measured_with, settings_key

if TYPE_CHECKING:
    from gantune.tracking.record import FinalRecord

CANONICAL = "canonical"


@dataclass(frozen=True)
class Final:
    """One contender's runs. `values` maps seed → objective of the best checkpoint on fresh samples; NaN runs are counted in `failed`."""

    who: str  # a trial's id; CANONICAL for what the others are compared with
    family: str  # in a sweep over several; else ""
    name: str  # by which its runs go in the sweep's record
    settings: str
    provenance: Mapping[str, Any]
    floor: Mapping[str, Any]
    values: dict[int, float]
    failed: tuple[int, ...]  # seeds without a finite value
    kimg: float
    seconds: float
    against: Difference | None = None  # from the canonical setting's values
    against_n: int = 0

    @property
    def title(self) -> str:
        """How the page calls it."""
        if self.who == CANONICAL or self.name.startswith(f"{CANONICAL}-"):
            return f"canonical setting of {self.family}" if self.family else "canonical setting"
        return f"trial {self.who} ({self.family})" if self.family else f"trial {self.who}"

    @property
    def summary(self) -> Summary | None:
        """Mean ± std over seeds."""
        return summarise(list(self.values.values())) if self.values else None


def contenders(sweep: Sweep) -> list[Final]:
    """Every contender by settings, best mean first; differences only between runs measured with the same settings."""
    measured = {(run.who, run.seed): measured_with({"provenance": run.provenance}) for run in sweep.record.finals}
    for event in sweep.record.events:
        if event["kind"] == "final":
            measured[event["who"], int(event["seed"])] = measured_with(event)
    reference = sweep.record.canonical_runs
    values = {row.id: row.record.values for row in sweep.rows} | {reference: _canonical_values(sweep)}
    scored = [(row.record.values, measured_with(row.record.score)) for row in sweep.rows if row.rescored is not None]
    configured = configured_by([*scored, *((values.get(who, {}), settings) for (who, _), settings in measured.items())])
    runs: dict[tuple[str, str], list[FinalRecord]] = defaultdict(list)
    for run in sorted(sweep.record.finals, key=lambda run: run.error is not None):
        groups = [found for found in runs if found[0] == run.who] if run.error else []  # measured with nothing: it is in each
        for group in groups or [(str(run.who), settings_key(measured[run.who, run.seed], configured))]:
            runs[group].append(run)
    called = {reference: CANONICAL}
    families = {row.id: sweep.record.family_of(row.record) for row in sweep.rows} if sweep.is_zoo else {}
    found = [
        _final(
            called.get(who, who),
            families.get(who, who.partition("-")[2] if sweep.is_zoo else ""),
            who,
            key,
            group,
            measured[who, group[0].seed],
            sweep.metric,
        )
        for (who, key), group in runs.items()
    ]
    canonical = {final.settings: final for final in found if final.who == CANONICAL}
    found = [_against(final, canonical.get(final.settings)) for final in found]
    sign = 1 if sweep.mode == "min" else -1
    return sorted(found, key=lambda final: (final.settings, final.summary is None, sign * final.summary.mean if final.summary else 0))


def verdict(final: Final, mode: str) -> str:
    """The difference from the canonical setting in words."""
    if final.who == CANONICAL:
        return "the reference"
    if final.against is None:
        if not final.against_n:
            return "no canonical run with the same settings to compare with"
        return "no interval: it takes two seeds or more on both sides, with values that differ"
    text = f"{signed(final.against.value)} [{signed(final.against.low)}, {signed(final.against.high)}]"
    if not final.against.is_evident:
        return f"{text}: no evidence of a difference"
    return f"{text}: {'better' if (final.against.value < 0) == (mode == 'min') else 'worse'} than canonical"


def sentence(sweep: Sweep, finals: list[Final]) -> str:
    """The finalists' result as a sentence for the headline; "" where there is none."""
    runs = [final for final in finals if final.who != CANONICAL and final.summary]
    if not runs:
        return ""
    best = runs[0]
    assert best.summary
    spread = "mean ± std" if best.summary.std is not None else "one run"
    text = f"Re-run with {_seeds(best)}, {best.title} reaches {sweep.label} {mean_std(best.summary.mean, best.summary.std)} ({spread})"
    reference = next((final for final in finals if final.who == CANONICAL and final.settings == best.settings and final.summary), None)
    if reference is None or reference.summary is None:
        return f"{text}. There is no canonical run with the same settings to compare it with."
    text += f", the {reference.title} {mean_std(reference.summary.mean, reference.summary.std)} over {_seeds(reference)}"
    if best.against is None:
        return f"{text}. {_no_interval(best, reference).capitalize()}, so this difference is no evidence."
    interval = f"{signed(best.against.low)} to {signed(best.against.high)}"
    text += f". The difference is {signed(best.against.value)}, 95 % interval {interval} (Welch): "
    if not best.against.is_evident:
        return text + "no evidence of a difference."
    return text + ("better" if (best.against.value < 0) == (sweep.mode == "min") else "worse") + f" than the {reference.title}."


def signed(value: float) -> str:
    """Three digits and always a sign."""
    return number(value) if value < 0 else f"+{number(value)}"


def _canonical_values(sweep: Sweep) -> Mapping[str, Any]:
    return sweep.canonical.record.values if sweep.canonical else {}


def _seeds(final: Final) -> str:
    n = len(final.values)
    lost = f" ({len(final.failed)} more failed)" if final.failed else ""
    return ("one fresh seed" if n == 1 else f"{n} fresh seeds") + lost


def _no_interval(one: Final, other: Final) -> str:
    if min(len(one.values), len(other.values)) < 2:
        return "one run on a side gives no interval"
    return "values that are all alike give no interval"


def _final(who: str, family: str, name: str, key: str, runs: list[FinalRecord], settings: dict[str, Any], metric: str) -> Final:
    latest = {int(run.seed): run for run in runs}  # a run repeated after a resume counts once
    values = {seed: value[0] for seed, run in sorted(latest.items()) if (value := finite([run.metrics.get(metric)]))}
    failed = tuple(seed for seed in sorted(latest) if seed not in values)
    floors = [run.floor for run in latest.values() if run.floor]
    return Final(
        who,
        family,
        name,
        key,
        settings,
        dict(floors[0]) if floors else {},
        values,
        failed,
        max((run.kimg or 0.0 for run in latest.values()), default=0.0),
        sum(run.seconds or 0.0 for run in latest.values()),
    )


def _against(final: Final, reference: Final | None) -> Final:
    if reference is None or final.who == CANONICAL or not final.values or not reference.values:
        return final
    apart = difference(list(final.values.values()), list(reference.values.values()))
    return replace(final, against=apart, against_n=len(reference.values))

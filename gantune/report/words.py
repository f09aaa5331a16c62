"""The page's sentences: what was found, what is missing and how sure it is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gantune.report.balance import Configuration
from gantune.report.compute import Progress, Spent
from gantune.report.equilibria import Line
from gantune.report.finals import CANONICAL, Final
from gantune.report.importance import Importance
from gantune.report.numbers import date, mean_std, number, percent
from gantune.report.rows import NO_VALUE, Row, Sweep

MEANINGS = {
    "budget": "ran to the end of its budget",
    "asha": "stopped by ASHA",
    "equilibrium": "settled at equilibrium",
    "plateau": "on a plateau",
    "d_won": "won by the discriminator",
    "d_dead": "with a dead discriminator",
    "mode_collapse": "with collapsed modes",
    "diverged": "diverged",
    "infra": "lost to the infrastructure",
    "error": "ended by an error",
    "user": "stopped by hand",
    "running": "still running",
}


def folder(sweep: Sweep) -> Path:
    """Where the sweep's files lie."""
    return Path(sweep.record.folder)


def header(sweep: Sweep) -> dict[str, str]:
    """Budget, period and status, and a warning where the sweep is not finished."""
    budget = sweep.spec.get("budget") or {}
    parts = [f"{number(budget.get(name))} {noun}" for name, noun in (("trials", "trials"),) if budget.get(name)]
    parts += [f"{number(budget['kimg'])} kimg each"] if budget.get("kimg") else []
    parts += [f"at most {number(budget[name])} {noun}" for name, noun in (("hours", "hours"), ("gpu_hours", "GPU hours")) if budget.get(name)]
    times = [float(event["t"]) for event in sweep.record.events if event.get("t") is not None]
    period = f"{date(times[0])} to {date(times[-1])}" if times else "no event recorded"
    phase, running = _phase(sweep), [row for row in sweep.rows if not row.record.reason]
    if phase == "done":
        return {"budget": " × ".join(parts[:2]) or "budget not recorded", "period": period, "status": "done", "warning": ""}
    last = f"Its last event is of {date(times[-1])}. " if times else ""
    waiting = f"{len(running)} of {len(sweep.rows)} trials have not ended. " if running else ""
    warning = f"This sweep is still running or was interrupted (phase: {phase}). {last}{waiting}All numbers below are of what there is so far."
    return {"budget": " × ".join(parts[:2]) or "budget not recorded", "period": period, "status": f"unfinished: {phase}", "warning": warning}


def headline(sweep: Sweep, finals: str) -> str:
    """The best trial and how it stands against the canonical setting, with honest numbers."""
    best = sweep.best
    if best is None:
        ended = sum(bool(row.record.reason) for row in sweep.rows)
        return f"No trial has a finite {sweep.label} yet: {len(sweep.rows)} have started and {ended} have ended."
    text = f"Trial {best.id}{_canonical(best)} has the {'lowest' if sweep.mode == 'min' else 'highest'} {sweep.label}: "
    if best.rescored is not None:
        n = (best.record.score or {}).get("n")
        samples = f"{n:,} fresh samples" if isinstance(n, int) else "fresh samples"
        while_training = f" (while training its best was {number(best.best, 4)})" if best.best is not None else ""
        text += f"{number(best.rescored, 4)}, its best checkpoint rescored on {samples}{while_training}. "
    else:
        text += f"{number(best.best, 4)} while training, the best of its reports and so a little optimistic; it has not been rescored on fresh samples. "
    if finals:
        return text + finals
    return text + _search_comparison(sweep, best)


def counts(cost: Spent, sweep: Sweep) -> str:
    """How many trials ended for which reason."""
    if not cost.trials:
        return "No trial has started."
    listed = ", ".join(f"{count} {MEANINGS.get(reason, reason.replace('_', ' '))}" for reason, count in cost.reasons.items())
    text = f"Trials: {listed}."
    if cost.saved_kimg is not None:
        text += " Shares saved are of what the trials that ended would have used at the full budget, each at its own pace."
    return text


def finals(sweep: Sweep, found: Sequence[Final]) -> str:
    """How the finalists were run and what the interval means."""
    runs = [final for final in found if final.who != CANONICAL]
    settings = {final.settings for final in found}
    text = "Re-run from scratch with fresh seeds, each run's best checkpoint scored on fresh samples. ± is the standard deviation over seeds (n − 1). "
    if len(settings) > 1:
        text += "These runs were measured with different settings, so they are compared only where the settings agree, and no common picture is drawn. "
    if not any(final.who == CANONICAL for final in found):
        text += "The canonical setting has not been re-run yet. "
    if len(runs) > 1:
        text += f"With the best of {len(runs)} finalists chosen by the same runs, its interval is a little optimistic. "
    return text


def no_finals(sweep: Sweep) -> str:
    """Why there is no finalist."""
    asked = sweep.spec.get("finalists") or {}
    if not asked.get("top"):
        return "This sweep asks for no finalists, so no setting was re-run with fresh seeds: the ranking below rests on one seed a trial."
    return f"No finalist has been run yet. The sweep asks for the best {asked['top']} with {asked.get('seeds', '?')} seeds each."


def group(sweep: Sweep, name: str, title: str, count: int) -> str:
    """What a table of trials ranks."""
    groups = [key for key in sweep.groups if key != NO_VALUE]
    noun = f"{count} trials: " if count > 1 else "1 trial: " if count else ""
    text = f"{noun}{title}." if noun else f"{title[0].upper()}{title[1:]}."
    if name == NO_VALUE:
        return text
    if len(groups) > 1 and name == groups[0]:
        text += " Values measured with other settings are not comparable with these and stand in a table of their own."
    return text


def progress(sweep: Sweep, track: Progress) -> str:
    """How the compute was counted."""
    order = "in the order of their reports" if track.is_ordered else "one trial after the other, as the order of reports is not known"
    return f"{sweep.label} as measured while training; compute is summed over all trials {order}, stopped ones included."


def landscape(sweep: Sweep) -> str:
    """What is not in the picture."""
    if sweep.best is None:
        return ""
    left = len(sweep.rows) - len(sweep.groups[sweep.best.group])
    return f"{left} trials without a comparable value are not shown." if left > 1 else "1 trial without a comparable value is not shown." if left else ""


def importance(found: Importance, sweep: Sweep) -> str:
    """How the importance was computed and how far to trust it."""
    left = f" Left out because constant or not in every trial: {', '.join(found.left_out)}." if found.left_out else ""
    if found.why:
        return found.why + left
    rough = " With so few trials this is a rough indication only." if found.trials < 50 else ""
    return (
        f"PED-ANOVA over {found.trials} trials: how much each parameter sets the best {percent(found.quantile)} apart from the rest "
        f"(stopped trials count with their best {sweep.label}).{rough}{left}"
    )


def curves(count: int, most: int) -> str:
    """Which trials can be chosen."""
    text = "Choose trials by their buttons, which stand in rank order; the best ones and some that were stopped are shown at first."
    if count > most:
        text += f" Of {count:,} trials the page holds the best {most // 2} and an even sample of {most - most // 2} others; curves.parquet has all."
    return text


def d_loss(has: Sequence[str], line: Line) -> str:
    """What is drawn in the panel of the discriminator's loss."""
    text = "Solid: training batches. Dashed: held-out real images and fresh samples, in evaluation mode."
    if "d_loss_heldout" not in has:
        text = "Training batches; no held-out loss was measured."
    if line.value is None:
        return f"{text} {line.label}"
    return f"{text} The dashed level is {line.label}, the loss when real and generated distributions are equal; nearness to it is no success by itself."


def balance_title(sweep: Sweep) -> str:
    """The experiment's name."""
    return "Learning-rate balance over seeds" if "lr_ratio" in sweep.searched else "Configurations over seeds"


def balance(sweep: Sweep, found: Sequence[Configuration]) -> str:
    """Best configuration, and whether the runner-up is within the spread."""
    valued = sorted((one for one in found if one.summary), key=lambda one: one.summary.mean if one.summary else 0, reverse=sweep.mode == "max")
    text = "Trials that differ in nothing but the seed are one configuration; ± is the standard deviation over its seeds. "
    if not valued:
        return f"{text}No configuration has a finite {sweep.label} yet."
    best = valued[0]
    assert best.summary
    if len({one.group for one in valued}) > 1:
        return f"{text}They were measured with different settings, so no best one is named."
    text += f"The {'lowest' if sweep.mode == 'min' else 'highest'} mean {sweep.label} is that of {best.title}: {mean_std(best.summary.mean, best.summary.std)}"
    text += f" (n = {best.summary.n})."
    if len(valued) > 1 and (other := valued[1].summary):
        text += f" Next is {valued[1].title}: {mean_std(other.mean, other.std)} (n = {other.n})."
    missing = [one.title for one in found if any(row.value is None for row in one.rows)]
    return text + (f" Without a value for some seeds: {'; '.join(missing)}." if missing else "")


def balance_note(shown: int, of: int, line: Line) -> str:
    """What the dashed level is, and whether configurations are missing."""
    level = f" The dashed level is {line.label}." if line.value is not None else f" {line.label}"
    return level + (f" The first {shown} of {of} configurations are drawn." if shown < of else "")


def commands(sweep: Sweep) -> str:
    """The sweep again, its report, and the best trial alone."""
    spec = sweep.spec
    source = spec.get("source") or spec.get("name") or sweep.name.rsplit("-", 1)[0]
    lines = [shlex.join(["gantune", "sweep", str(source), *_sets(spec)]), shlex.join(["gantune", "report", sweep.name])]
    if sweep.best is not None and spec.get("family"):
        values = {**sweep.best.record.values, **sweep.best.record.params}
        train = ["gantune", "train", str(spec["family"]), "--data", str(spec.get("data", "")), "--kimg", f"{sweep.kimg_budget or 0:g}"]
        train += [part for name, value in values.items() for part in ("--set", f"{name}={_given(value)}")]
        lines += [f"# trial {sweep.best.id} alone", shlex.join(train)]
    return "\n".join(lines)


def versions(sweep: Sweep) -> list[tuple[str, str]]:
    """Versions and machine of each driver, the latest last."""
    found: dict[str, str] = {}
    for driver in sweep.record.drivers:
        found |= {str(name): str(value) for name, value in (driver.get("versions") or {}).items()}
    items = sorted(found.items())
    count = len(sweep.record.drivers)
    if count > 1:
        items.append(("driver started", f"{count} times (resumed)"))
    return items or [("versions", "not recorded")]


def _phase(sweep: Sweep) -> str:
    phases = [str(event.get("phase")) for event in sweep.record.phases]
    return phases[-1] if phases else "before the search"


def _canonical(row: Row) -> str:
    return ", the canonical setting," if row.record.origin == "canonical" else ""


def _search_comparison(sweep: Sweep, best: Row) -> str:
    canonical = next((row for row in sweep.rows if row.record.origin == "canonical" and row.group == best.group), None)
    if canonical is None or canonical is best or canonical.value is None:
        return "There is one run of each setting and so no interval."
    return (
        f"The canonical setting's trial has {number(canonical.value, 4)}: one run each, so this difference is no evidence until both are re-run "
        "with several seeds."
    )


def _sets(spec: Any) -> list[str]:
    budget = spec.get("budget") or {}
    return ["--trials", str(budget["trials"]), "--set", f"budget.kimg={budget['kimg']:g}"] if {"trials", "kimg"} <= set(budget) else []


def _given(value: Any) -> str:
    if isinstance(value, (list, tuple)) and value and all(isinstance(step, (list, tuple)) and len(step) == 2 for step in value):
        return "{" + ", ".join(f"{start:g}: {then}" for start, then in value) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)



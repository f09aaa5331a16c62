"""The page's sentences: what was found, what is missing and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

from gantune.report.compute import Progress, Spent
from gantune.report.equilibria import Line
from gantune.report.finals import CANONICAL, Final
from gantune.report.importance import Importance
from gantune.report.numbers import date, mean_std, number, percent, setting
from gantune.report.provenance import LABELS, differing, varied
from gantune.report.rows import NO_VALUE, NOT_RESCORED, Row, Sweep
from gantune.tracking.settings_key import measured_with

MEANINGS = {
    "budget": "ran to the end",
    "asha": "stopped by ASHA",
    "median": "stopped below the median",
    "equilibrium": "settled at equilibrium",
    "plateau": "on a plateau",
    "d_won": "won by the discriminator",
    "d_dead": "with a dead discriminator",
    "mode_collapse": "with collapsed modes",
    "diverged": "diverged",
    "hopeless": "given up by a rule of one's own",
    "infra": "lost to the infrastructure",
    "error": "ended by an error",
    "user": "stopped by hand",
    "running": "still running",
    "interrupted": "interrupted",
}


STOPPERS = {
    "asha": "by ASHA",
    "median": "by the median rule",
    "user": "by hand",
    "infra": "as its machine was lost",
    "error": "by an error",
}


def cut_short(row: Row, sweep: Sweep) -> str:
    """Where and why a trial ended before its budget, such as `stopped by ASHA at 12 of 60 kimg`; "" where it ran to its end."""
    reason, budget = row.record.reason, sweep.kimg_budget
    if reason == "budget" or (budget is not None and row.record.kimg >= budget):
        return ""
    kimg = round(row.record.kimg, 1) if row.record.kimg >= 1 else row.record.kimg  # a report lies up to a batch behind its mark
    at = f"at {setting(kimg)}" + (f" of {setting(budget)} kimg" if budget else " kimg")
    if reason is None:
        return f"{'still running' if row.record.state == 'running' else 'interrupted'} {at}"
    return f"stopped {STOPPERS.get(reason, f'by the rule {reason}')} {at}"


def header(sweep: Sweep) -> dict[str, str]:
    """Budget, period and status, and a warning where the sweep is not finished."""
    budget = sweep.spec.get("budget") or {}
    parts = [f"{number(budget.get(name))} {noun}" for name, noun in (("trials", "trials"),) if budget.get(name)]
    parts += [f"{setting(budget['kimg'])} kimg each"] if budget.get("kimg") else []
    parts += [
        f"at most {number(budget[name])} {noun}" for name, noun in (("hours", "hours"), ("gpu_hours", "GPU hours")) if budget.get(name)
    ]
    times = [float(event["t"]) for event in sweep.record.events if event.get("t") is not None]
    period = f"{date(times[0])} to {date(times[-1])}" if times else "no event recorded"
    found = {"budget": " × ".join(parts[:2]) + "".join(f", {part}" for part in parts[2:]) or "budget not recorded", "period": period}
    status, waiting = sweep.record.status, [row for row in sweep.rows if not row.record.reason]
    if status == "complete":
        return {**found, "status": status, "warning": ""}
    last = f" Its last event is of {date(times[-1])}." if times else ""
    open_trials = f" {len(waiting)} of {len(sweep.rows)} trials have not ended." if waiting else ""
    doing = {"running": "is running", "stopped": "was stopped by hand", "interrupted": "was interrupted"}.get(status, f"is {status}")
    mend = f" To go on with it: gantune resume {sweep.name}." if status in ("stopped", "interrupted") else ""
    warning = f"This sweep {doing} in its phase “{_phase(sweep)}”.{last}{open_trials} All numbers are of what there is so far.{mend}"
    return {**found, "status": status, "warning": warning}


def headline(sweep: Sweep, finals: str) -> str:
    """The best trial and how it stands against the canonical setting, with honest numbers."""
    best = sweep.best
    if best is None:
        ended = sum(bool(row.record.reason) for row in sweep.rows)
        return f"No trial has a finite {sweep.label} yet: {len(sweep.rows)} have started and {ended} have ended."
    family = f" ({sweep.record.family_of(best.record)})" if sweep.is_zoo else ""
    text = f"Trial {best.id}{family}{_canonical(best)} has the {'lowest' if sweep.mode == 'min' else 'highest'} {sweep.label}: "
    if best.rescored is not None:
        measured = measured_with(best.record.score)
        queries = measured.get("n_queries")
        n = measured.get("n_fake", (best.record.score or {}).get("n"))  # held-out pictures to translate may be fewer than were wanted
        samples = f"{n:,} fresh samples" if isinstance(n, int) else "fresh samples"
        samples = f"{queries:,} other held-out queries" if isinstance(queries, int) else samples
        while_training = f" (while training its best was {number(best.best, 4)})" if best.best is not None else ""
        text += f"{number(best.rescored, 4)}, its best checkpoint rescored on {samples}{while_training}. "
    else:
        text += f"{number(best.best, 4)} while training, the best of its reports and so a little optimistic; it has not "
        text += "been rescored on fresh samples. "
    if finals:
        return text + finals
    return text + _search_comparison(sweep, best)


def counts(cost: Spent, sweep: Sweep) -> str:
    """How many trials ended for which reason."""
    if not cost.trials:
        return "No trial has started."
    listed = ", ".join(f"{count} {MEANINGS.get(reason, reason.replace('_', ' '))}" for reason, count in cost.reasons.items())
    text = f"Trials: {listed}."
    if sweep.record.troubles and any(row.record.lost for row in sweep.rows):
        text += f" {sweep.record.troubles[0].upper()}{sweep.record.troubles[1:]}."
    took = sum(bool(row.record.takeovers) for row in sweep.rows)
    if took:
        text += (
            f" {took} of them went on from another trial's checkpoint on their way: tables show the values with which a trial began, "
            "the best one's whole schedule is the command at the end of this page."
        )
    shares = [(cost.saved_seconds, "device seconds"), (cost.saved_kimg, "kimg")]
    saved = [f"{percent(share)} of the {what}" for share, what in shares if share is not None]
    if not (cost.stopped_early and saved):
        return text
    which = "all of them" if cost.ended == cost.trials else f"the {cost.ended:,} that ended"
    return f"{text} Early stops saved {' and '.join(saved)} that {which} would have used at the full budget, each at its own pace."


def finals(sweep: Sweep, found: Sequence[Final]) -> str:
    """How the finalists were run and what the interval means."""
    runs = [final for final in found if final.who != CANONICAL]
    settings = {final.settings for final in found}
    text = "Re-run from scratch with fresh seeds, each run's best checkpoint scored on fresh samples. "
    text += "± is the standard deviation over seeds (n − 1)"
    text += "; in the picture dots are seeds, bars mean ± std. " if len(settings) == 1 else ". "
    if len(settings) > 1:
        text += "These runs were measured with different settings, so they are compared only where the settings agree, "
        text += "and no common picture is drawn. "
    note = (sweep.canonical.record.note if sweep.canonical else None) or ""
    text += f"The canonical setting is adapted to this sweep: {note.replace('->', '→')}. " if note else ""
    if not any(final.who == CANONICAL for final in found):
        text += "The canonical setting has not been re-run yet. "
    if len(runs) > 1:
        text += f"With the best of {len(runs)} finalists chosen by the same runs, its interval is a little optimistic. "
    return text


def no_finals(sweep: Sweep, seeded: bool) -> str:
    """Why there is no finalist."""
    asked = sweep.spec.get("finalists") or {}
    if not asked.get("top"):
        basis = "configurations are compared over their seeds above" if seeded else "the ranking below rests on one seed a trial"
        return f"This sweep asks for no finalists, so no setting was re-run with fresh seeds: {basis}."
    return f"No finalist has been run yet. The sweep asks for the best {asked['top']} with {asked.get('seeds', '?')} seeds each."


def group(sweep: Sweep, name: str, title: str, count: int) -> str:
    """What a table of trials ranks."""
    groups = [key for key in sweep.groups if key != NO_VALUE]
    scored = {key: measured_with(sweep.groups[key][0].record.score) for key in groups if key != NOT_RESCORED}
    apart = differing(scored)
    noun = f"{count:,} trials, " if count > 1 else "1 trial, " if count else ""
    text = f"{noun}{title}." if noun else f"{title[0].upper()}{title[1:]}."
    if name == NO_VALUE:
        return text
    if len(groups) > 1 and name == groups[0]:
        text += " Values measured in another way are not comparable with these and stand in a table of their own."
        text += f" The settings differ in: {', '.join(apart)}." if apart else ""
    mixed = [] if name == NOT_RESCORED else varied([measured_with(row.record.score) for row in sweep.groups[name]])
    if mixed:
        text += f" Among these the {' and the '.join(LABELS[part] for part in mixed)} of the generator that was sampled "
        text += "differ, because this sweep searches what decides them: that is part of what is compared."
    return text


def progress(sweep: Sweep, track: Progress, found: Sequence[Final]) -> str:
    """How the compute was counted, and what the dotted line is."""
    order = "in the order of their reports" if track.is_ordered else "one trial after the other, as the order of reports is not known"
    better = "lower" if sweep.mode == "min" else "higher"
    text = f"{sweep.label} as measured while training ({better} is better); compute is summed over all trials {order}."
    canonical = sweep.canonical
    if canonical is None or canonical.best is None:
        return text
    short, again = cut_short(canonical, sweep), rerun(found)
    trial = f"the canonical setting's trial {canonical.id}"
    if not short:
        return f"{text} Dotted: the best of {trial}."
    if again is None or again.summary is None:
        return f"{text} Dotted: the best of {trial}, which was {short}; trained in full it may do better."
    mean = mean_std(again.summary.mean, again.summary.std)
    return (
        f"{text} {trial[0].upper()}{trial[1:]} was {short}, with {number(canonical.best, 4)} as its best. Dotted is therefore the mean "
        f"of that setting re-run to {setting(again.kimg)} kimg with fresh seeds: {mean}, scored on fresh samples."
    )


def rerun(found: Sequence[Final]) -> Final | None:
    """The canonical setting's runs with fresh seeds, where they have a mean."""
    return next((final for final in found if final.who == CANONICAL and final.summary), None)


def landscape(sweep: Sweep, *, stepped: bool) -> str:
    """How the picture is to be read, and what is not in it. `stepped`: some axis has steps."""
    if sweep.best is None:
        return ""
    text = "Crowded places on stepped axes are spread a little. " if stepped else ""
    left = len(sweep.rows) - len(sweep.groups[sweep.best.group])
    if not left:
        return text.strip()
    return text + (
        "1 trial without a comparable value is not shown." if left == 1 else f"{left} trials without a comparable value are not shown."
    )


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
        text += f" Of {count:,} trials the page holds the best {most // 2} and an even sample of {most - most // 2} others; "
        text += "curves.parquet has all."
    return text


def without_samples(names: Sequence[str]) -> str:
    """Which of the pictured trials have no grid."""
    return f"No sample grid was found for {', '.join(names)}." if names else ""


def samples(ranks: bool) -> str:
    """What the grids show."""
    if ranks:
        text = "Rankings of held-out queries, a row each, from the document ranked first on, bright where it is relevant"
    else:
        text = "Grids of generated examples as training drew them"
    return f"{text}: the earliest and the latest of each trial."


def d_loss(has: Sequence[str], line: Line) -> str:
    """What is drawn in the panel of the discriminator's loss."""
    text = "Solid: training batches. Dashed: held-out real examples and fresh samples, in evaluation mode."
    if "d_loss_heldout" not in has:
        text = "Training batches; no held-out loss was measured."
    if line.value is None:
        return f"{text} {line.label}"
    text += f" The dotted level is {line.label}, the loss when real and generated distributions are equal; "
    return text + "nearness to it is no success by itself."


def _phase(sweep: Sweep) -> str:
    """The phase that its last driver is in: a phase is written down when it ends."""
    following = {"search": "score", "score": "finalists" if sweep.spec.get("finalists", {}).get("top") else "done", "finalists": "done"}
    phase = "before the search"
    for event in sweep.record.events:
        if event["kind"] == "driver":
            phase = "search"
        elif event["kind"] == "phase":
            phase = following.get(str(event.get("phase")), "done")
    return phase


def _canonical(row: Row) -> str:
    return ", the canonical setting," if row.record.origin == "canonical" else ""


def _search_comparison(sweep: Sweep, best: Row) -> str:
    canonical = sweep.canonical
    if canonical is None or canonical is best or canonical.value is None or canonical.group != best.group:
        return "There is one run of each setting and so no interval."
    short = cut_short(canonical, sweep)
    value = number(canonical.value, 4) + (f" ({short})" if short else "")
    return (
        f"The canonical setting's trial has {value}: one run each, so this difference is no evidence until both are re-run with several "
        "seeds."
    )

"""What a sweep has cost, what early stops saved, and the best value over the compute spent."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass

from gantune.report.rows import STOPPED_EARLY, Sweep, running_best


@dataclass(frozen=True)
class Spent:
    """Totals over all trials. Shares are of what the trials that ended would have cost at the full budget; None when unknown."""

    trials: int
    ended: int
    stopped_early: int
    kimg: float
    seconds: float  # of the device, summed over trials
    saved_kimg: float | None
    saved_seconds: float | None
    reasons: dict[str, int]


@dataclass(frozen=True)
class Progress:
    """The best value of a sweep after each report: cumulative device seconds and kimg over all its trials."""

    seconds: list[float]
    kimg: list[float]
    best: list[float]
    trial: list[str]  # that reported
    is_ordered: bool  # whether reports could be put in the order in which they came


def spent(sweep: Sweep) -> Spent:
    """Count by reason and sum; a stopped trial's missing seconds are its missing kimg at its own pace."""
    trials = [row.record for row in sweep.rows]
    ended = [trial for trial in trials if trial.reason]
    early = [trial for trial in ended if trial.reason in STOPPED_EARLY]
    paces = {trial.id: trial.seconds / trial.kimg for trial in trials if trial.kimg and trial.seconds}
    budget, usual = sweep.kimg_budget, statistics.median(paces.values()) if paces else None
    saved_kimg = saved_seconds = None
    if budget and ended:
        left = {trial.id: max(0.0, budget - trial.kimg) for trial in early}
        saved_kimg = sum(left.values()) / (budget * len(ended))
        if usual is not None:
            full = sum(paces.get(trial.id, usual) * budget for trial in ended)
            saved_seconds = sum(paces.get(trial.id, usual) * left[trial.id] for trial in early) / full
    reasons = Counter(str(trial.reason or trial.state) for trial in trials)
    return Spent(
        trials=len(trials),
        ended=len(ended),
        stopped_early=len(early),
        kimg=sum(trial.kimg or 0.0 for trial in trials),
        seconds=sum(trial.seconds or 0.0 for trial in trials),
        saved_kimg=saved_kimg,
        saved_seconds=saved_seconds,
        reasons=dict(reasons.most_common()),
    )


def progress(sweep: Sweep) -> Progress:
    """Reports in the order of the spool; a trial's compute since its last report is added at each."""
    points = {trial.id: {point.get("kimg"): point for point in trial.points} for trial in sweep.record.trials}
    order = [
        (str(event["trial"]), event["point"].get("kimg"))
        for event in sweep.record.events
        if event.get("kind") == "report" and event.get("point", {}).get("kimg") in points.get(str(event.get("trial")), {})
    ]
    reported = list(dict.fromkeys(order))  # a trial taken up again may repeat a report: it counts once
    is_ordered = bool(reported)
    reported = reported or [(trial.id, point.get("kimg")) for trial in sweep.record.trials for point in trial.points]
    kimg = seconds = 0.0
    before: dict[str, tuple[float, float]] = {}
    track = Progress([], [], [], [], is_ordered)
    series = []
    for trial, at in reported:
        point = points[trial][at]
        now = (point.get("kimg", 0.0), point.get("seconds", 0.0))
        then = before.get(trial, (0.0, 0.0))
        kimg += max(0.0, now[0] - then[0])
        seconds += max(0.0, now[1] - then[1]) + point.get("eval_seconds", 0.0)
        before[trial] = now
        series.append((kimg, seconds, trial, point))
    bests = running_best([point for *_, point in series], sweep.metric, sweep.mode)
    for (at_kimg, at_seconds, trial, _), best in zip(series, bests, strict=True):
        if best is not None:
            track.kimg.append(at_kimg)
            track.seconds.append(at_seconds)
            track.best.append(best)
            track.trial.append(trial)
    return track

"""After the search: checkpoints scored on fresh samples, and the best trained again beside the canonical setting."""

from __future__ import annotations

from typing import Any

from gantune.runtime.desk import Desk
from gantune.runtime.ledger import Entry
from gantune.runtime.live import TrialView
from gantune.runtime.planning import SCORE_ALL, SCORE_SEED, into_final, to_score
from gantune.runtime.pool import Job
from gantune.tracking.checkpoints import BECAUSE
from gantune.tracking.record import SweepRecord
from gantune.tracking.trial_record import device_seconds


def score(desk: Desk) -> None:
    """Each promising trial's best checkpoint on fresh samples. It was chosen for its value while training, which is therefore too good."""
    spec, ledger = desk.spec, desk.ledger
    chosen = to_score(list(ledger.trials.values()), spec.objective.mode)
    if len(chosen) > SCORE_ALL:
        desk.live.note(f"scoring the better {len(chosen)} of {len(ledger.trials)} trials on fresh samples")
    seed, n = SCORE_SEED + spec.seed, spec.score.n
    stale = [entry for entry in chosen if ledger.scores.get(entry.id, {}).get("kimg") != entry.kimg]
    gone = [entry for entry in stale if "best.pt" in entry.let_go]
    if gone:
        desk.live.note(f"trials that are not scored, as each one's checkpoint {BECAUSE}: {', '.join(entry.id for entry in gone)}")

    def done(job: Job) -> None:
        if job.outcome is None:
            desk.live.note(f"trial {job.key} was not scored: {job.error}")
            return
        entry = ledger.trials[job.key]
        metrics, about = split(job.outcome)
        desk.book.append("score", trial=job.key, seed=seed, n=n, kimg=entry.kimg, metrics=metrics, **about)
        desk.live.show(entry, metrics.get(spec.objective.metric))

    desk.run_jobs(
        [Job(entry.id, desk.planner.trial(entry), train=False, seed=seed, n=n) for entry in stale if entry not in gone],
        lambda job: None,
        done,
    )


def finalists(desk: Desk) -> None:
    """The best trials and the canonical setting from the start, all with the same fresh seeds, scored alike."""
    metric = desk.spec.objective.metric
    runs = contenders(desk)
    seeds = desk.planner.seeds(int(entry.values.get("seed", 0)) for entry in desk.ledger.trials.values()) if runs else []
    jobs: list[Job] = []
    known: dict[str, tuple[str, int]] = {}
    for who, seed in ((who, seed) for seed in seeds for who in runs):
        plan = desk.planner.final(who, runs[who], seed, desk.ledger.trials)
        known[plan["trial"]] = who, seed
        earlier = desk.ledger.finals.get((who, seed))
        if earlier is None or earlier.get("error"):  # one that failed has another chance
            jobs.append(Job(plan["trial"], plan, train=True, seed=SCORE_SEED + seed, n=desk.spec.score.n))
        else:
            desk.live.show_final(TrialView(plan["trial"], "complete", earlier["kimg"], score=earlier["metrics"].get(metric)))

    desk.live.begin_finals(len(runs) * len(seeds), desk.spec.finalists.kimg or desk.spec.budget.kimg)

    def report(job: Job) -> None:
        point = job.points[job.kimg]
        about = {"value": point.get(metric), "d_loss": point.get("d_loss")}
        desk.book.append("final_report", run=job.key, kimg=job.kimg, **about)  # for those who follow; its points come with its end
        desk.live.show_final(TrialView(job.key, "running", job.kimg, point.get(metric), point.get("d_loss")))

    def done(job: Job) -> None:
        who, seed = known[job.key]
        metrics, about = split(job.outcome or {})
        if job.outcome is None:
            about = {"error": job.error or "it has no value"}
            desk.live.note(f"finalist {job.key} has no value: {job.error}")
        points = [job.points[kimg] for kimg in sorted(job.points)]
        seconds = device_seconds(points)
        desk.book.append("final", who=who, seed=seed, kimg=job.kimg, seconds=seconds, metrics=metrics, points=points, **about)
        state = "complete" if job.outcome is not None else "failed"
        last = job.points.get(job.kimg, {})
        desk.live.show_final(TrialView(job.key, state, job.kimg, d_loss=last.get("d_loss"), score=metrics.get(metric), evidence=job.error))

    desk.run_jobs(jobs, report, done)


def contenders(desk: Desk) -> dict[str, Entry]:
    """Who is in the desk's final."""
    return into_final(SweepRecord.load(desk.folder), desk.spec.finalists.top, desk.ledger.trials)


def split(outcome: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A score's metrics by name, and what they depend on."""
    about: dict[str, Any] = {name: outcome[name] for name in ("provenance", "floor", "sampling", "controls") if name in outcome}
    return {name: value for name, value in outcome.items() if name not in about}, about

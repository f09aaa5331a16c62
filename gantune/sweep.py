"""A sweep from end to end: search, score, finalists, report. Every phase goes on from what the spool says is done already."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

from gantune import __version__
from gantune.doctor.start import check_cluster
from gantune.errors import UserError, did_you_mean
from gantune.report import write_report
from gantune.runtime.desk import Desk
from gantune.runtime.finals import finalists, score
from gantune.runtime.follower import following
from gantune.runtime.ledger import Ledger
from gantune.runtime.live import LiveState
from gantune.runtime.planning import keep_code
from gantune.runtime.searching import search
from gantune.runtime.session import session
from gantune.runtime.snapshots import warning_about_snapshots
from gantune.runtime.stopping import Halt, NoUse, request_stop
from gantune.runtime.work import PROBE, SCORE, TRIAL
from gantune.spec import SweepSpec
from gantune.tracking.lock import driver_lock, driver_of
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import read
from gantune.tracking.store import SWEEP, freeze, frozen


class SweepInterrupted(Exception):
    """The sweep was told to stop (`asked`), or saw no use in going on; it can go on from where it is."""

    def __init__(self, folder: Path, why: str, *, asked: bool) -> None:
        runs = "" if folder.parent == Path("runs") else f" --runs {folder.parent}"
        self.folder, self.why, self.asked = folder, why, asked
        self.resume_command = f"gantune resume {folder.name}{runs}"
        super().__init__(f"{why}: {folder.name} stopped. Go on with: {self.resume_command}")


def run_sweep(
    spec: SweepSpec,
    folder: Path,
    *,
    warm: Sequence[Mapping[str, Any]] = (),
    command: str | None = None,
    live: LiveState | None = None,
    local: bool = False,
    cpus: int | None = None,
    opener: str = TRIAL,
    scorer: str = SCORE,
    prober: str = PROBE,
) -> SweepRecord:
    """Run `spec` in `folder`, which holds no sweep yet.

    Raises `UserError` before anything is written, also when another driver was first, and `SweepInterrupted` when told to stop.
    `warm` holds trials of earlier sweeps to learn from (see gantune.warm), `command` is what was typed, `cpus` limits what Ray takes
    of this machine, `opener`, `scorer` and `prober` name other work than training GANs (see gantune.runtime.work).
    """

    def begin() -> SweepSpec:
        if (folder / SWEEP).exists():
            raise UserError(f"{folder} holds a sweep already. Take another name, or go on with it: gantune resume {folder.name}.")
        kept: SweepSpec = keep_code(spec, folder)
        freeze(folder, kept.to_json(), versions=versions(), warm=list(warm), command=command)
        return kept

    return _drive(spec, begin, folder, live or LiveState(folder.name), {}, local, cpus, opener, scorer, prober)


def resume_sweep(
    folder: Path,
    *,
    more_trials: int = 0,
    hours: float | None = None,
    gpu_hours: float | None = None,
    live: LiveState | None = None,
    local: bool = False,
    cpus: int | None = None,
    opener: str = TRIAL,
    scorer: str = SCORE,
    prober: str = PROBE,
) -> SweepRecord:
    """Go on with the sweep in `folder`, with more trials or time than it had. Raises `UserError` when it cannot be read or is running."""
    spec = SweepSpec.from_json(frozen(folder)["spec"])
    ledger = Ledger(spec.objective.metric, spec.objective.mode, spec.budget.trials).apply_all(read(folder))
    given = {name: value for name, value in (("hours", hours), ("gpu_hours", gpu_hours)) if value is not None}
    live = live or LiveState(folder.name)
    warning = warning_about_snapshots(folder)
    if warning is not None:
        live.note(warning)
    changes = {"trials": ledger.total + more_trials, **ledger.limits, **given}
    return _drive(spec, lambda: spec, folder, live, changes, local, cpus, opener, scorer, prober)


def stop_sweep(folder: Path, trial: str | None = None) -> None:
    """Ask the sweep's driver to end one trial, or all. `UserError` when nothing is running there or there is no such running trial."""
    if driver_of(folder) is None:
        raise UserError(f"sweep {folder.name} is not running, so there is nothing to stop.")
    if trial is None:
        return request_stop(folder)
    trials = {entry.id: entry for entry in SweepRecord.load(folder).trials}
    name = trial if trial in trials else trial.zfill(4)
    if name not in trials:
        raise UserError(f"sweep {folder.name} has no trial {trial!r}. {did_you_mean(name, trials)}")
    if trials[name].state != "running":
        raise UserError(f"trial {name} of {folder.name} has ended already ({trials[name].reason}).")
    return request_stop(folder, name)


def versions() -> dict[str, str]:
    """Of what decides the numbers."""
    return {
        "gantune": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "ray", "optuna")},
    }


def _drive(
    spec: SweepSpec,
    begin: Callable[[], SweepSpec],
    folder: Path,
    live: LiveState,
    changes: dict[str, Any],
    local: bool,
    cpus: int | None,
    opener: str,
    scorer: str,
    prober: str,
) -> SweepRecord:
    is_done, behind = False, None
    try:
        with ExitStack() as stack:
            is_known = (folder / SWEEP).exists()
            if is_known:  # refused before Ray is started, and who follows it sees a driver from now on
                stack.enter_context(driver_lock(folder))
            at = stack.enter_context(session(local=local, cpus=cpus))
            at.slots(spec.resources.cpu, spec.resources.share(at.gpus))  # refused here, before anything is written
            folder.mkdir(parents=True, exist_ok=True)
            for note in check_cluster(folder) if at.address is not None else ():
                live.note(note)
            if not is_known:
                stack.enter_context(driver_lock(folder))
            spec = begin()
            desk = Desk(spec, folder, live, at, opener=opener, scorer=scorer, prober=prober)
            stack.callback(desk.close)
            stack.enter_context(desk.stops.listening())
            follower = stack.enter_context(following(folder))
            _run(desk, changes)
            is_done = True
            behind = follower.drain(desk.stops.poll)
    except Halt as halt:
        if not is_done:
            raise SweepInterrupted(folder, str(halt), asked=not isinstance(halt, NoUse)) from None
        behind = f"{halt}: not waited for MLflow, which is still sent the rest; `gantune sync {folder.name}` does it, too."
    if behind is not None:
        live.note(behind)
    record = SweepRecord.load(folder)
    write_report([record], folder / "report")
    return record


def _run(desk: Desk, changes: dict[str, Any]) -> None:
    about = {"pid": os.getpid(), "host": platform.node(), "slots": desk.places, "versions": versions()}
    desk.begin(**about, **changes)
    desk.live.set(total=desk.ledger.total, slots=desk.places, kimg_budget=desk.spec.budget.kimg)
    metric = desk.spec.objective.metric
    for entry in desk.ledger.trials.values():
        desk.live.show(entry, desk.ledger.scores.get(entry.id, {}).get("metrics", {}).get(metric))
    try:
        desk.phase("search", search)
        desk.phase("score", score)
        if desk.spec.finalists.top:
            desk.phase("finalists", finalists)
        desk.phase("done", lambda desk: None)
    except Halt as halt:
        desk.halted(str(halt))
        raise

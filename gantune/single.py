"""One run without a scheduler: what `gantune train` does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gantune import bundled
from gantune.config import Config
from gantune.errors import UserError
from gantune.families import open_family
from gantune.metrics import MetricSettings
from gantune.signals import Point
from gantune.spec import load_sweep, parse_sets
from gantune.stopping import Verdict
from gantune.training import checkpoint
from gantune.trial import Trial, TrialPlan, default_device


def plan_run(
    family: str | None,
    *,
    kimg: float,
    data: str | None,
    sets: Sequence[str],
    report_every: float,
    from_run: Path | None,
    out: Path | None,
    threads: int,
    runs: Path,
) -> tuple[TrialPlan, list[str]]:
    """The checked plan, and what the user should know about it. With `from_run` its checkpoint is copied into the new folder."""
    if kimg <= 0:
        raise UserError(f"--kimg is a number above 0, got {kimg:g}.")
    if not 0 < report_every <= kimg:
        raise UserError(f"--report-every lies above 0 and is at most --kimg ({kimg:g}), got {report_every:g}.")
    values: dict[str, Any] = {}
    notes: list[str] = []
    if from_run is not None:
        kept = checkpoint.load(from_run / "last.pt")
        if family not in (None, kept["family"]):
            raise UserError(f"--from {from_run}: that run is of family {kept['family']}, not of {family}.")
        family, data, values = kept["family"], data or kept["data"], kept["values"]
        if sets:
            raise UserError("--from goes on with a run's own settings; leave out --set, or start anew without --from.")
        notes.append(f"Going on from {from_run} at {kept['points'][-1]['kimg']:g} kimg")
    if family is None:
        raise UserError("name a family, such as `gantune train dcgan`, or a run to go on with: --from RUN.")
    opened = open_family(family)
    data = data or opened.default_data
    if from_run is None:
        if family in bundled.names("sweeps"):
            sweep = load_sweep(family, gpus=int(default_device().type == "cuda"))
            values = {name: value for name, value in sweep.fixed.items() if name != "image_size" or data == sweep.data}
            notes.append(f"Settings of sweeps/{family}.yaml: {', '.join(f'{name}={value}' for name, value in values.items())}")
        values |= parse_sets(sets)
    config = Config.of(opened, data, values, where="--set ")
    folder = out or _new_folder(runs, f"train-{opened.name}")
    if from_run is not None and not (folder / "last.pt").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(from_run / "last.pt", folder / "last.pt")
    metrics = MetricSettings()
    return TrialPlan(
        trial=folder.name,
        family=family,
        data=data,
        values=config.flat(),
        kimg=kimg,
        report_every=report_every,
        folder=str(folder),
        metrics={"extractor": metrics.extractor, "n_fake": metrics.n_fake},
        rules=["diverged"],
        threads=threads,
    ), notes


def run_plan(plan: TrialPlan, begin: Callable[[], None], show: Callable[[Point, float | None], None]) -> Verdict:
    """Train until the verdict; `begin` is called once all is found good, `show` with every report and the family's equilibrium value."""
    trial = Trial(plan)
    equilibrium = None if trial.equilibrium is None else trial.equilibrium.value
    begin()
    while trial.verdict is None:
        show(trial.advance(), equilibrium)
    return trial.verdict


def _new_folder(runs: Path, name: str) -> Path:
    number = 1
    while (runs / f"{name}-{number}").exists():
        number += 1
    return runs / f"{name}-{number}"

"""One run without a scheduler: what `gantune train` does."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gantune import bundled
from gantune.advice import check_budget, own_value, pretraining_only, rates_that_end, unheard
from gantune.config import Config, declared_params
from gantune.data import form_of
from gantune.errors import UserError, did_you_mean
from gantune.families import FAMILIES, open_family
from gantune.families.base import Family, Form
from gantune.generator_file import trusted_family
from gantune.metrics import MetricSettings
from gantune.params import lookup, params_of
from gantune.per_process import default_device
from gantune.segments import Segment, changeable
from gantune.signals import Point
from gantune.spec import load_sweep, parse_sets
from gantune.stopping import Verdict
from gantune.tracking.checkpoints import check_kept
from gantune.training import checkpoint
from gantune.trial import Trial, TrialPlan
from gantune.yaml_file import parse_value

WIDE = 64  # features


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
    keep: Sequence[float] = (),
) -> tuple[TrialPlan, list[str]]:
    """The checked plan, and what the user should know about it. With `from_run` that run's last checkpoint is put into the new folder.
    The checkpoints of the first reports at or after the kimg in `keep` stay for good."""
    if kimg <= 0:
        raise UserError(f"--kimg is a number above 0, got {kimg:g}.")
    if not 0 < report_every <= kimg:
        raise UserError(f"--report-every lies above 0 and is at most --kimg ({kimg:g}), got {report_every:g}.")
    for wanted in keep:
        if not 0 < wanted <= kimg:
            raise UserError(f"--keep lies above 0 and is at most --kimg ({kimg:g}), got {wanted:g}.")
    given: dict[str, Any] = {"kimg": kimg, "data": data, "sets": sets, "report_every": report_every, "out": out, "threads": threads}
    if from_run is not None:
        plan, notes = _continued(from_run, family, runs=runs, **given)
    elif family is not None:
        plan, notes = _begun_anew(family, runs=runs, **given)
    else:
        raise UserError("name a family, such as `gantune train dcgan`, or a run to go on with: --from RUN.")
    return replace(plan, keep=sorted({*plan.keep, *keep})), notes


def _begun_anew(
    family: str, *, kimg: float, data: str | None, sets: Sequence[str], report_every: float, out: Path | None, threads: int, runs: Path
) -> tuple[TrialPlan, list[str]]:
    opened = open_family(family)
    data = data or opened.default_data
    metrics, sets = _metrics(sets)
    sets, segments = schedules(sets, opened)
    given = parse_sets(sets, declared_params(opened))
    values, notes = _sizes(family, opened, data)
    config = Config.of(opened, data, values | given, where="--set ")
    form = form_of(data, config.prepare.image_size)
    config.check_fits(form)
    width = config.flat().get("features", 0)
    is_wide = width >= WIDE and "features" not in given and unheard(config, form, "features", [16]) is None
    if is_wide and default_device().type == "cpu":
        notes = [*notes, f"features={width} is made for a GPU: on a CPU --set features=16 is five to ten times as fast"]
    check_budget(config, kimg)
    notes += _in_vain(config, form, kimg, given, {name for segment in segments for name in segment.values})
    folder = out or _new_folder(runs, f"train-{opened.name}")
    plan = _plan(folder, family, data, config.flat(), kimg, report_every, threads)
    plan = replace(plan, metrics=dataclasses.asdict(metrics), segments=[vars(one) for one in segments])
    for segment in segments:
        if segment.kimg >= kimg:
            raise UserError(f"--set: a change at {segment.kimg:g} kimg lies behind the budget of {kimg:g}.")
    for number in range(1, len(segments) + 1):  # refused here, before anything is trained
        plan.config(number).check_fits(form)
    return plan, notes


def _metrics(sets: Sequence[str]) -> tuple[MetricSettings, list[str]]:
    """What flags such as `metrics.extractor=raw` say of measuring, and the other flags."""
    those = [text.strip() for text in sets if text.strip().startswith("metrics.")]
    others = [text for text in sets if text.strip() not in those]
    given = parse_sets([text.removeprefix("metrics.") for text in those], params_of(MetricSettings), prefix="metrics.")
    if given.get("weights") is not None:
        given["weights"] = str(Path(given["weights"]).expanduser().absolute())
    return MetricSettings(**given), others


def usual_values(ref: str, data: str) -> dict[str, Any]:
    """What `gantune train` takes where nothing is set: the sizes of the family's sweep over its canonical setting."""
    family = open_family(ref)
    return Config.of(family, data, _sizes(ref, family, data)[0]).flat()


def _in_vain(config: Config, form: Form, kimg: float, given: Mapping[str, Any], changing: set[str]) -> list[str]:
    """Notes on rates that end before the budget, and on what was given and changes nothing."""
    told = [note for note in (rates_that_end(config, kimg), pretraining_only(config, kimg)) if note is not None]
    why = {name: unheard(config, form, name, [own_value(config, name)], changing) for name in given}
    return told + [f"{name}={given[name]} changes nothing here: {reason}" for name, reason in why.items() if reason is not None]


def schedules(sets: Sequence[str], family: Family[Any, Any]) -> tuple[list[str], list[Segment]]:
    """Flags such as `lr_g={0: 1e-3, 20: 5e-4}`: what holds at the start, as flags, and the changes, by kimg. Other flags stay as they are,
    and so do those of parameters that are schedules by themselves (k). `UserError` where a parameter cannot change on the way."""
    declared, plain, changes = declared_params(family), [], dict[float, dict[str, Any]]()
    last = {text.partition("=")[0].strip().removeprefix("fixed."): text for text in sets}  # of two flags for one name the later holds
    for text in last.values():
        name, _, value = text.partition("=")
        name = name.strip().removeprefix("fixed.")
        steps = parse_value(value, f"--set {text}") if value.strip().startswith("{") else None
        if not isinstance(steps, dict) or name not in declared or declared[name].schedule:
            plain.append(text)
            continue
        where = f"--set {text}: "
        if name not in changeable(family):
            raise UserError(f"{where}{name} cannot change while a run trains. {did_you_mean(name, sorted(changeable(family)))}")
        numbers = all(isinstance(at, (int, float)) and not isinstance(at, bool) and 0 <= at < math.inf for at in steps)
        if not numbers or 0 not in steps:
            raise UserError(f"{where}a schedule maps kimg to values, from 0 on, such as {{0: 1e-3, 20: 5e-4}}.")
        for at, given in steps.items():
            held = lookup(declared, name, where).check(given, where)
            if at > 0:
                changes.setdefault(float(at), {})[name] = held
        plain.append(f"{name}={json.dumps(steps[0])}")
    return plain, [Segment(at, changes[at]) for at in sorted(changes)]


def _sizes(ref: str, family: Family[Any, Any], data: str) -> tuple[dict[str, Any], list[str]]:
    """What the family's bundled sweep fixes for this machine, and a note that says so; nothing where there is no such sweep.

    A family of the user's own that is a subclass of a bundled one takes that one's, but for what its own canonical setting decides.
    """
    parents = [kind for kind in FAMILIES.values() if isinstance(family, kind)]
    own = max(parents, key=lambda kind: len(kind.__mro__), default=None)  # the nearest of them
    if own is None or own.name not in bundled.names("sweeps"):
        return {}, []
    sweep = load_sweep(own.name, gpus=int(default_device().type == "cuda"))
    values = {
        key: value
        for key, value in sweep.fixed.items()
        if key in declared_params(family)
        and (key != "image_size" or data == sweep.data)
        and family.canonical.get(key) == own.canonical.get(key)
    }
    why = "" if ref in FAMILIES else f", as {type(family).__name__} is a {own.__name__}"
    told = ", ".join(f"{key}={value}" for key, value in values.items())
    return values, [f"Settings of sweeps/{own.name}.yaml{why}: {told}"] if values else []


def _continued(
    from_run: Path,
    family: str | None,
    *,
    kimg: float,
    data: str | None,
    sets: Sequence[str],
    report_every: float,
    out: Path | None,
    threads: int,
    runs: Path,
) -> tuple[TrialPlan, list[str]]:
    check_kept(from_run / "last.pt")
    kept = checkpoint.load(from_run / "last.pt")
    reached = kept["points"][-1]["kimg"]
    ref = trusted_family(kept["family"], family, f"--from {from_run}: the run")
    if data not in (None, kept["data"]):
        raise UserError(f"--from {from_run}: that run trains on {kept['data']}, and goes on with it.")
    if sets:
        raise UserError("--from goes on with a run's own settings; leave out --set, or start anew without --from.")
    if kimg <= reached:
        raise UserError(
            f"--from {from_run}: that run has {reached:g} kimg behind it; --kimg is the whole budget and must be more, got {kimg:g}."
        )
    measured, begun = _measured_as(from_run), _begun(from_run)
    folder = out or _new_folder(runs, f"train-{open_family(ref).name}")
    if folder.resolve() != from_run.resolve() and (folder / "last.pt").exists():
        raise UserError(f"--out {folder} holds another run already. Give a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    # What a rule once said was said within the smaller budget.
    checkpoint.save(
        folder / "last.pt",
        {name: value for name, value in kept.items() if name != "format"}
        | {"verdict": None, "family": ref}
        | ({} if "segments" in begun else {"segments": 0}),
    )
    if folder.resolve() != from_run.resolve():  # they stand until the longer run beats them
        for name in ("best.pt", "generator.safetensors"):
            if (from_run / name).is_file():
                shutil.copy2(from_run / name, folder / name)
    plan = replace(_plan(folder, ref, kept["data"], kept["values"], kimg, report_every, threads), **measured, **begun)
    return plan, [f"Going on from {from_run} at {reached:g} kimg"]


def _begun(run: Path) -> dict[str, Any]:
    """The schedule of a run whose settings change on the way, with what held at its start; and the checkpoints that it keeps."""
    if not (run / "plan.json").is_file():
        return {}
    plan = json.loads((run / "plan.json").read_text())
    names = ("values", "segments", "keep") if plan.get("segments") else ("keep",)
    return {name: plan[name] for name in names if name in plan}


def _measured_as(run: Path) -> dict[str, Any]:
    """How a run's reports were measured and what was best among them: those that follow must be comparable."""
    if not (run / "plan.json").is_file():
        return {}
    try:
        plan = json.loads((run / "plan.json").read_text())
        return {name: plan[name] for name in ("metrics", "objective", "mode")}
    except (ValueError, KeyError):
        raise UserError(
            f"{run / 'plan.json'} is damaged, and with it is lost how the run was measured. Restore it, or start anew."
        ) from None


def _plan(folder: Path, family: str, data: str, values: dict[str, Any], kimg: float, report_every: float, threads: int) -> TrialPlan:
    ranks = open_family(family).needs == "queries"
    return TrialPlan(
        trial=folder.name,
        family=family,
        data=data,
        values=values,
        kimg=kimg,
        report_every=report_every,
        folder=str(folder),
        metrics=dataclasses.asdict(MetricSettings()),
        rules=["diverged"],
        objective="ndcg_at_5" if ranks else "fid",
        mode="max" if ranks else "min",
        threads=threads,
    )


def run_plan(plan: TrialPlan, begin: Callable[[Trial], None], show: Callable[[Point, float | None], None]) -> Verdict:
    """Train until the verdict; `begin` is called once all is found good, `show` with every report and the family's equilibrium value."""
    trial = Trial(plan)
    equilibrium = None if trial.equilibrium is None else trial.equilibrium.value
    begin(trial)
    while trial.verdict is None:
        show(trial.advance(), equilibrium)
    return trial.verdict


def _new_folder(runs: Path, name: str) -> Path:
    number = 1
    while (runs / f"{name}-{number}").exists():
        number += 1
    return runs / f"{name}-{number}"

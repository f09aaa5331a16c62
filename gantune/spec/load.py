"""Sweep YAML → SweepSpec."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gantune import bundled
from gantune.config import declared_params
from gantune.errors import UserError
from gantune.families import open_family
from gantune.families.base import check_data
from gantune.space import Space, open_space, open_zoo
from gantune.space.reading import Pins, find_space
from gantune.space.samplers import check_serves, grid_size
from gantune.spec import checks
from gantune.spec.document import SweepDocument, validated
from gantune.spec.model import Finalists, Resources, Score, Storage, SweepSpec
from gantune.spec.places import Places, absolute
from gantune.spec.sections import budget_of, objective_of, rule_of, sampler_of, scheduler_of
from gantune.spec.sets import Set, applied, merge, read_sets
from gantune.yaml_file import parse_value, read_yaml

DEFAULT_RULES = ("diverged", "d_won", "d_dead", "mode_collapse", "equilibrium", "plateau")


def load_sweep(
    name_or_file: str,
    *,
    sets: Sequence[str] = (),
    trials: int | None = None,
    data: str | None = None,
    name: str | None = None,
    runs: Path | None = None,
    gpus: int = 0,
) -> SweepSpec:
    """The sweep in ./sweeps/NAME.yaml, among the bundled ones, or in a file, ready to run on a machine or cluster with `gpus`.

    Precedence: the file, its `on_gpu:` section where there are GPUs, `--set`. `sets` are such flags: `budget.kimg=20`, or
    `lr_g=2e-4` for a parameter, which is then fixed and, where the space searches it, no longer searched.
    Raises `UserError` for the first thing that cannot work, which says where, what was given, and what is allowed. Writes nothing.
    """
    path, shown = bundled.find("sweeps", name_or_file)
    file = read_yaml(path, shown)
    on_gpu = file.content.get("on_gpu", {})
    base = {key: value for key, value in file.content.items() if key != "on_gpu"}
    if not isinstance(on_gpu, dict):
        raise UserError(f"{file.where(('on_gpu',))}a mapping of keys to values is needed, got {on_gpu!r}.")
    with_gpu = merge(base, on_gpu)
    validated(base, Places(file).where)
    validated(with_gpu, Places(file, overlay=True).where)
    chosen = with_gpu if gpus > 0 else base
    flags = read_sets(sets, _parameters_of(chosen, sets, path.parent, Places(file, overlay=gpus > 0)) if sets else ())
    if trials is not None:
        flags.append(Set(f"--trials {trials}", ("budget", "trials"), trials))
    if data is not None:
        flags.append(Set(f"--data {data}", ("data",), absolute(data, Path.cwd())))
    places = Places(file, overlay=gpus > 0, flags=flags)
    document = validated(applied(chosen, flags), places.where)
    spec = _spec(document, places, name=name or path.stem, source=str(path), beside=path.parent, gpus=gpus)
    checks.check_name_free(name, runs)
    if gpus > 0 and on_gpu:
        keys = ", ".join(on_gpu)
        return _noted(spec, [f"with GPUs {shown}'s on_gpu section applies ({keys})"], on_gpu_applied=True)
    if gpus > 0 and spec.resources.gpu == 0:
        return _noted(spec, ["there are GPUs, but this sweep asks for none: --set resources.gpu=0.25 uses them"])
    return spec


def _parameters_of(content: dict[str, Any], sets: Sequence[str], beside: Path, places: Places) -> tuple[str, ...]:
    """The parameters of the families that the flags or else the file name."""
    flagged = [text for text in sets if text.startswith("family=")]
    if flagged:
        place = f"--set {flagged[-1]}: "
        family = parse_value(flagged[-1].removeprefix("family="), place)
    else:
        place, family = places.where(("family",)), content["family"]
    families = [str(ref) for ref in (family if isinstance(family, list) else [family])]
    try:
        return tuple(dict.fromkeys(name for ref in families for name in declared_params(open_family(absolute(ref, beside)))))
    except UserError as error:
        raise UserError(f"{place}{error}") from error


def _families_of(document: SweepDocument, beside: Path, places: Places) -> dict[str, str]:
    """The families' references by their names. `UserError` for one that is unknown or stands twice."""
    families: dict[str, str] = {}
    if not document.family:
        raise UserError(f"{places.where(('family',))}one family or more is needed, got {document.family!r}.")
    for given in [document.family] if isinstance(document.family, str) else document.family:
        ref = absolute(given, beside)
        name = places.inside(("family",), lambda ref=ref: open_family(ref)).name  # type: ignore[misc]  # mypy does not infer its default
        if name in families:
            raise UserError(f"{places.where(('family',))}{given!r} and another are both called {name!r}; each family stands there once.")
        families[name] = ref
    return families


def _space_of(document: SweepDocument, families: dict[str, str], pins: Pins, beside: Path, places: Places) -> tuple[Space, list[str]]:
    if document.space is None and len(families) > 1:
        raise UserError(f"{places.where(('space',))}is missing; a sweep over several families names its space.")
    ref = document.space or next(iter(families))
    places.inside(("space",), lambda: find_space(ref, beside))
    if len(families) == 1:
        return open_space(ref, next(iter(families.values())), pins, beside)
    return open_zoo(ref, tuple(families.values()), pins, beside)


def _spec(document: SweepDocument, places: Places, *, name: str, source: str, beside: Path, gpus: int) -> SweepSpec:
    checks.check_name(name)
    notes: list[str] = []
    families = _families_of(document, beside, places)
    first, *others = families.values()
    data = absolute(document.data or open_family(first).default_data, beside)
    form = places.inside(("data",), lambda: checks.form_for(data, document.fixed))
    for family in families.values():
        places.inside(("data",), partial(check_data, open_family(family), data, form))
    fixed = dict(document.fixed)
    if not form.is_image and "image_size" in fixed and not places.flag(("fixed", "image_size")):
        del fixed["image_size"]
        notes.append(f"image_size is left out, as {data} holds no pictures")
    typed = {key: flag for key in fixed if (flag := places.flag(("fixed", key))) is not None}
    flagged = {key: value for key, value in fixed.items() if key in typed}
    pins = Pins({key: value for key, value in fixed.items() if key not in typed}, flagged, places.where(("fixed",)), typed)
    space, more = _space_of(document, families, pins, beside, places)
    notes += more
    sampler = sampler_of(document, places)
    check_serves(sampler.name, space, places.where(("sampler",)))
    budget, more = budget_of(document, places, grid_size(space) if sampler.name == "grid" else None)
    notes += more
    if budget.trials < len(families):
        tried = ", ".join(list(families)[: budget.trials])
        notes.append(f"{budget.trials} trials are fewer than the {len(families)} families: only the canonical setting of {tried} is tried")
    metrics = checks.metric_settings(document.metrics, data, form.shape, places)
    rules = DEFAULT_RULES if document.stopping is None else tuple(document.stopping)
    spec = SweepSpec(
        name=name,
        source=source,
        family=(first, *others) if others else first,
        data=data,
        space=space,
        fixed={key: space.fixed[key] for key in fixed},
        objective=objective_of(document, places, form.shape),
        budget=budget,
        sampler=sampler,
        scheduler=scheduler_of(document, budget, places),
        stopping=tuple(rule_of(rule, beside) for rule in rules),
        stopping_from_user=document.stopping is not None,
        finalists=Finalists(**document.finalists.model_dump()),
        resources=Resources(**document.resources.model_dump()),
        metrics=metrics,
        score=Score(**document.score.model_dump()),
        storage=Storage(**document.storage.model_dump()),
        seed=document.seed,
    )
    checks.check_compared(spec, form, places)
    notes += checks.check_population(spec, places)
    notes += checks.check_resources(spec, gpus, places)
    checks.check_runs(spec, form, places)
    given = flagged if others else spec.fixed  # a file over several families fixes what only some of them have
    return dataclasses.replace(spec, notes=(*notes, *checks.settings_in_vain(spec, form, given)))


def _noted(spec: SweepSpec, notes: Sequence[str], *, on_gpu_applied: bool = False) -> SweepSpec:
    return dataclasses.replace(spec, notes=(*notes, *spec.notes), on_gpu_applied=on_gpu_applied)

"""From a sweep's spec to workers' plans: complete values, folders, fresh seeds; and which trials go on to the final."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gantune.data import Form
from gantune.runtime.ledger import Entry
from gantune.runtime.population import boundaries
from gantune.runtime.work import Plan
from gantune.segments import Segment, lineage
from gantune.spec.checks import form_for, form_of_run
from gantune.tracking.record import SweepRecord
from gantune.tracking.trial_record import TrialRecord
from gantune.trial import checkpoint_at

SCORE_SEED = 500_000  # apart from any seed that a trial trains with
FINAL_SEED = 1_000
SCORE_ALL = 40  # sweeps up to this size have every trial scored, larger ones their better half


@dataclass(frozen=True)
class Planner:
    """Makes the plans of one sweep."""

    spec: Any
    folder: Path  # absolute: workers run elsewhere

    def settle(self, params: dict[str, Any]) -> dict[str, Any]:
        """Complete, checked values of a searched point. `UserError` when some combination lies outside what a parameter allows."""
        config = self.spec.config(params)
        config.check_fits(self._form)
        values: dict[str, Any] = config.flat()
        return values

    @cached_property
    def _form(self) -> Form:
        return form_for(self.spec.data, self.spec.fixed)

    def trial(self, entry: Entry) -> Plan:
        """The plan of a trial of the search."""
        plan = self._plan(entry.id, entry, {}, self.folder / "trials" / entry.id, self.spec.budget.kimg, grids=3)
        if self.spec.scheduler.kind != "pbt":
            return plan
        segments = [{"kimg": one["kimg"], "values": one["values"], "source": str(self._source(one))} for one in entry.takeovers]
        return plan | {"keep": self.boundaries, "segments": segments}

    @property
    def boundaries(self) -> list[float]:
        """The kimg at which a population is compared, and its checkpoints are kept."""
        budget = self.spec.budget
        return boundaries(budget.kimg, budget.report_every, self.spec.scheduler.interval)

    def _source(self, takeover: dict[str, Any]) -> Path:
        """The checkpoint that was taken over."""
        return self.folder / "trials" / str(takeover["donor"]) / checkpoint_at(takeover["donor_kimg"])

    def probe(self, name: str, entry: Entry, steps: int) -> Plan:
        """A few steps and one report of a setting, for the memory probe; D's head start is trained before, so that G takes part."""
        batch, warmup = float(entry.values.get("batch", 1)), float(entry.values.get("d_warmup", 0.0))
        kimg = min(self.spec.budget.kimg, warmup + steps * batch / 1000)
        plan = self._plan(f"probe-{name}", entry, {}, self.folder / "probe" / name, kimg, grids=1)
        return plan | {"report_every": kimg}

    def size(self, entry: Entry) -> float:
        """Parameters of the networks times the batch: by what trials are compared when memory is short."""
        config = self.spec.config(entry.params)
        key = config.family.name, repr(config.arch), config.prepare.image_size
        if key not in self._parameters:
            with torch.random.fork_rng(devices=[]):
                players = config.family.build(config.arch, form_of_run(self.spec, config, self._form))
            self._parameters[key] = sum(one.numel() for player in (players.g, players.d) for one in player.parameters())
        return float(self._parameters[key] * config.training.batch)

    @cached_property
    def _parameters(self) -> dict[tuple[str, str, int], int]:
        return {}

    def final(self, who: str, entry: Entry, seed: int, trials: Mapping[str, Entry]) -> Plan:
        """The plan of a finalist's run: its full budget, so that a stop rule's mistake cannot decide the comparison. What a trial of a
        population inherited is trained again, too, from the very start."""
        name = f"{who}-s{seed}"
        kimg = self.spec.finalists.kimg or self.spec.budget.kimg
        plan = self._plan(name, entry, {"seed": seed}, self.folder / "finalists" / name, kimg, grids=1)
        values, segments = lineage(entry.id, trials)
        changes = [{"kimg": one.kimg, "values": {key: v for key, v in one.values.items() if key != "seed"}} for one in segments]
        return plan | {"rules": ["diverged"], "values": values | {"seed": seed}, "segments": changes}

    def seeds(self, used: Iterable[int]) -> list[int]:
        """As many seeds as the final wants, none of which the search used."""
        taken = set(used)
        seeds: list[int] = []
        candidate = FINAL_SEED + self.spec.seed
        while len(seeds) < self.spec.finalists.seeds:
            if candidate not in taken:
                seeds.append(candidate)
            candidate += 1
        return seeds

    def _plan(self, name: str, entry: Entry, changed: dict[str, Any], folder: Path, kimg: float, grids: int) -> Plan:
        spec = self.spec
        return {
            "trial": name,
            "family": spec.space.family_of(entry.params),
            "data": spec.data,
            "values": entry.values | changed,
            "kimg": kimg,
            "report_every": spec.budget.report_every,
            "folder": str(folder),
            "metrics": dict(spec.metrics),
            "rules": list(spec.stopping),
            "objective": spec.objective.metric,
            "mode": spec.objective.mode,
            "threads": max(1, int(spec.resources.cpu)),
            "grids": grids,
        }


def to_score(entries: Sequence[Entry], mode: str) -> list[Entry]:
    """The trials with a chance to rank: all that have a value, or the better half of many and the canonical one."""
    sign = 1.0 if mode == "min" else -1.0
    able = sorted((e for e in entries if e.best is not None), key=lambda e: sign * (e.best or 0.0))
    if len(able) <= SCORE_ALL:
        return able
    kept = able[: max(SCORE_ALL, math.ceil(len(able) / 2))]
    return kept + [e for e in able if e.origin == "canonical" and e not in kept]


def into_final(record: SweepRecord, top: int, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """The `top` best trials but for the canonical one, which takes part in any case (among several families that of the best trial's
    family). Empty when no trial has a value."""
    canonical = record.canonical
    trials = {trial.id: trial for trial in record.trials}

    def setting(trial: TrialRecord) -> tuple[str, dict[str, Any], list[Segment]]:
        values, segments = lineage(trial.id, trials)
        return record.family_of(trial), {name: value for name, value in values.items() if name != "seed"}, segments

    taken = [] if canonical is None else [setting(canonical)]
    best: list[str] = []
    for trial in record.ranked():
        if trial.value is not None and setting(trial) not in taken and len(best) < top:
            best.append(trial.id)
            taken.append(setting(trial))  # another trial of the same setting would be the same runs again
    if not best:
        return {}
    who = {id: id for id in best} | ({} if canonical is None else {record.canonical_runs: canonical.id})
    return {name: entries[id] for name, id in who.items()}


def keep_code(spec: Any, folder: Path) -> Any:
    """Copy the user's own family and stop rules into the sweep, so that every worker and every resume finds them as they were."""
    copies: dict[Path, Path] = {}

    def keep(ref: str) -> str:
        path, colon, name = ref.rpartition(":")
        if not colon or not path.endswith(".py"):
            return ref
        source = Path(path).resolve()
        if source not in copies:
            copies[source] = _copy(source, folder.resolve() / "code", taken=copies.values())
        return f"{copies[source]}:{name}"

    families = tuple(keep(ref) for ref in spec.families)
    rules = tuple(
        keep(rule) if isinstance(rule, str) else {keep(name): options for name, options in rule.items()} for rule in spec.stopping
    )
    family = families[0] if isinstance(spec.family, str) else families
    return replace(spec, family=family, space=spec.space.of_families(families), stopping=rules)


def _copy(source: Path, code: Path, *, taken: Iterable[Path]) -> Path:
    kept, number = code / source.name, 2
    while kept in taken:  # another file of the same name
        kept, number = code / f"{source.stem}_{number}.py", number + 1
    code.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, kept)
    return kept

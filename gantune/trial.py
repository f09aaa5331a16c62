"""One trial: training, measuring, judging and checkpointing in turn, with or without a scheduler around it."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gantune.config import Config
from gantune.curve import Curve
from gantune.durable import writing
from gantune.errors import UserError
from gantune.families import open_family
from gantune.generator_file import export_generator
from gantune.metrics import MetricSettings
from gantune.per_process import dataset_of, default_device, evaluator_of
from gantune.pictures import sheet, write_png
from gantune.segments import Segment, due, in_force
from gantune.signals import Point
from gantune.stopping import Reason, Verdict, judge, open_rules
from gantune.training import checkpoint
from gantune.training.allocator import keep_freed_memory
from gantune.training.given import Part
from gantune.training.seeds import derive
from gantune.training.trainer import Trainer

GRID_SEED = 20_000_000  # the same z in every grid of a trial
GRID_COUNT, POINTS = 64, 2000  # pictures or rankings, and points, in a picture
HELDOUT = 500  # examples a side
CONTROLS = 1000  # samples of the untrained generator


@dataclass(frozen=True)
class TrialPlan:
    """Everything a worker needs to run one trial; plain values, so that it travels as JSON."""

    trial: str
    family: str
    data: str
    values: dict[str, Any]
    kimg: float
    report_every: float
    folder: str
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)
    rules: list[Any] = dataclasses.field(default_factory=list)
    objective: str = "fid"
    mode: str = "min"
    threads: int = 1
    grids: int = 3
    keep: list[float] = dataclasses.field(default_factory=list)  # kimg at whose reports the checkpoint stays for good
    segments: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # what changes on the way, in order: see gantune.segments

    def config(self, segments: int) -> Config:
        """The configuration once so many of the segments have begun."""
        return Config.of(open_family(self.family), self.data, in_force(self.values, self.changes[:segments]))

    @property
    def changes(self) -> list[Segment]:
        """The segments, as such."""
        return [Segment(**segment) for segment in self.segments]

    def to_json(self) -> dict[str, Any]:
        """As a dict that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> TrialPlan:
        """Back from `to_json`."""
        return cls(**content)


class Trial:
    """A running trial. Opening one whose folder holds `last.pt` continues it from there.

    `points` is its curve so far, `verdict` None while it is worth going on.
    """

    def __init__(self, plan: TrialPlan, device: torch.device | None = None) -> None:
        self.plan = plan
        self.folder = Path(plan.folder)
        self.device = device or default_device()
        torch.set_num_threads(plan.threads)
        keep_freed_memory()
        self.points: list[Point] = []
        self.verdict: Verdict | None = None
        kept = self.folder / "last.pt"
        self._begin(load_checkpoint(kept, plan, self.device) if kept.is_file() else None)
        self.evaluator = evaluator_of(self.config, _metrics_for(plan, self.trainer, None, "report"), self.device)
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_json(self.folder / "plan.json", plan.to_json())

    def advance(self) -> Point:
        """Train to the next report, measure, judge, write the checkpoint, and give the report's signals."""
        assert self.verdict is None, "a trial with a verdict does not advance"
        plan = self.plan
        if due(plan.changes, self.trainer.kimg) > self._segments:
            self._configure(due(plan.changes, self.trainer.kimg), self.trainer.state())
        reached = max(self.trainer.kimg, self.points[-1]["kimg"] if self.points else 0.0)  # what was taken over may lie a cycle behind
        number = math.floor(reached / plan.report_every + 1e-9) + 1
        self.trainer.train_to(min(plan.kimg, number * plan.report_every))
        point: Point = dict(self.trainer.signals())
        point |= self._measure(number)
        self.points.append(point)
        curve = self.curve
        improved = curve.best_kimg() == point["kimg"]
        best = curve.best()
        if plan.objective == "fid" and best is not None:
            point["fid_best"] = best
        self.verdict = self._judge(curve)
        self._save(improved)
        return point

    @property
    def curve(self) -> Curve:
        """The reports so far, as the rules read them."""
        plan = self.plan
        return Curve.of(self.points, equilibrium=self.equilibrium, objective=plan.objective, mode=plan.mode, budget_kimg=plan.kimg)

    def _measure(self, number: int) -> Point:
        start = time.perf_counter()
        seed = self.config.training.seed
        point: Point = {"d_loss_heldout": self.trainer.heldout(HELDOUT, derive(seed, "heldout", number))["d_loss"]}
        fake = self.trainer.sample(self.evaluator.settings.n_fake, derive(seed, "metrics", number))
        point |= self.evaluator(fake, seed=derive(seed, "evaluator", number) % 2**31)
        point["eval_seconds"] = time.perf_counter() - start
        return point

    def _judge(self, curve: Curve) -> Verdict | None:
        verdict = judge(self.rules, curve)
        ended = self.trainer.kimg >= self.plan.kimg
        if ended and not (verdict.stop and verdict.reason is Reason.DIVERGED):
            return Verdict.halt(Reason.BUDGET, f"trained its full {self.plan.kimg:g} kimg")
        return verdict if verdict.stop else None

    def _save(self, improved: bool) -> None:
        content = {
            "family": self.plan.family,
            "data": self.plan.data,
            "values": _plain(self.config.flat()),
            "segments": self._segments,
            "state": self.trainer.state(),
            "points": self.points,
            "verdict": None if self.verdict is None else [str(self.verdict.reason), self.verdict.evidence],
        }
        self._draw_grid(improved)
        checkpoint.save(self.folder / "last.pt", content)
        self._keep_wanted()
        if improved:
            self._keep_best()

    def _keep_wanted(self) -> None:
        """Keep the checkpoint for good where the latest report is the first at or after a kimg that was asked for."""
        now = self.points[-1]["kimg"]
        before = self.points[-2]["kimg"] if len(self.points) > 1 else -1.0
        if any(before < wanted <= now for wanted in self.plan.keep):
            checkpoint.keep_as(self.folder / "last.pt", self.folder / checkpoint_at(now))

    def _keep_best(self) -> None:
        checkpoint.keep_as(self.folder / "last.pt", self.folder / "best.pt")
        about = {"kimg": self.trainer.kimg, self.plan.objective: self.points[-1].get(self.plan.objective)}
        net = self.trainer.sampler()
        export_generator(self.folder / "generator.safetensors", self.config, self.plan.family, self.dataset.form, net, about)

    def _draw_grid(self, improved: bool) -> None:
        """Keep the first, the best and the latest picture, or as many of them as the plan allows."""
        if self.plan.grids == 0:
            return
        grids = self.folder / "grids"
        file = grids / self._grid_name(self.trainer.kimg)
        given = self.trainer.conditions.for_grid(POINTS if len(self.dataset.shape) == 1 else GRID_COUNT, columns=8)
        write_png(file, sheet(self.trainer.sample_given(given, GRID_SEED)), scale=2)
        best = self.curve.best_kimg()
        wanted = [self.trainer.kimg if improved or best is None else best, self.trainer.kimg, self.points[0]["kimg"]]
        keep = list(dict.fromkeys(self._grid_name(kimg) for kimg in wanted))[: self.plan.grids]
        for old in grids.glob("kimg_*.png"):
            if old.name not in keep:
                old.unlink()

    def _grid_name(self, kimg: float) -> str:
        """In whole kimg, or to the image where reports stand closer."""
        return f"kimg_{round(kimg):06d}.png" if self.plan.report_every >= 1 else f"kimg_{kimg:010.3f}.png"

    def _begin(self, content: dict[str, Any] | None) -> None:
        """Stand where the checkpoint `content` was written, or where a segment that began there takes over from; or at the start."""
        plan = self.plan
        if content is None:
            self._configure(due(plan.changes, 0.0), None)
            return
        self.points, state = content["points"], content["state"]
        self._configure(content["segments"], state)
        self._keep_wanted()
        if self.curve.best_kimg() == self.points[-1]["kimg"]:
            self._keep_best()  # the process may have died between the two files
        segments = due(plan.changes, self.points[-1]["kimg"])
        if segments > content["segments"]:
            source = plan.changes[segments - 1].source
            if source is not None:  # but for the time of its device, which is its own
                state = checkpoint.load(Path(source), self.device)["state"] | {"seconds": state["seconds"]}
            self._configure(segments, state)
        if content["verdict"] is not None:
            reason, evidence = content["verdict"]
            grown = reason == Reason.BUDGET and self.trainer.kimg < plan.kimg
            self.verdict = None if grown else Verdict.halt(Reason(reason), evidence)

    def _configure(self, segments: int, state: dict[str, Any] | None) -> None:
        """Train on from `state` with the values that hold once so many segments have begun."""
        self._segments = segments
        self.config = self.plan.config(segments)
        self.dataset = dataset_of(self.config)
        self.trainer = Trainer(self.config, self.dataset, self.device)
        if state is not None:
            self.trainer.load_state(state)
        self.equilibrium = self.config.family.equilibrium(self.config.hparams)
        self.rules, _ = open_rules(self.plan.rules, self.equilibrium)


def checkpoint_at(kimg: float) -> str:
    """The file of the checkpoint that was kept for good at `kimg`, to the image."""
    return f"kimg_{kimg:010.3f}.pt"


def kept_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a run's folder, in no order: the best, the latest, and those kept for good."""
    return [path for path in (*folder.glob("kimg_*.pt"), folder / "best.pt", folder / "last.pt") if path.is_file()]


def load_checkpoint(path: Path, plan: TrialPlan, device: torch.device) -> dict[str, Any]:
    """The checkpoint at `path`. `UserError` when it is of another family, or of other values than the plan has for its segment."""
    content = {"segments": 0} | checkpoint.load(path, device)
    if content["family"] != plan.family:
        raise UserError(f"{path} is a checkpoint of family {content['family']}, not of {plan.family}.")
    values = _plain(plan.config(content["segments"]).flat())
    changed = [
        f"{name} {content['values'].get(name)!r} -> {value!r}" for name, value in values.items() if content["values"].get(name) != value
    ]
    if changed or content["data"] != plan.data:
        changed = changed or [f"data {content['data']} -> {plan.data}"]
        raise UserError(f"{path} was trained with another configuration: {', '.join(changed[:3])}.")
    return content


def score(plan: TrialPlan, *, seed: int, n: int, which: str = "best") -> dict[str, Any]:
    """The kept checkpoint (`best` or `last`) measured on `n` fresh samples: metrics by name, `provenance`, `floor`, `sampling`, `controls`.

    The checkpoint was chosen for its value during training, which is therefore too good; this one is not. `controls` are the C2ST
    losses between which its own must be read: real against real, and real against this generator before its first step.
    """
    torch.set_num_threads(plan.threads)
    device = default_device()
    content = load_checkpoint(Path(plan.folder) / f"{which}.pt", plan, device)
    config = plan.config(content["segments"])
    trainer = Trainer(config, dataset_of(config), device)
    evaluator = evaluator_of(config, _metrics_for(plan, trainer, n, "score"), device)
    controls = evaluator.c2st_controls(trainer.sample(min(n, CONTROLS), derive(seed, "untrained"), "score"), seed=seed)
    trainer.load_state(content["state"])
    metrics = evaluator(trainer.sample(n, derive(seed, "score"), "score"), seed=seed)
    sampling = {"checkpoint": which, "kimg": trainer.kimg, "batch_norm": trainer.batch_norm_mode, "ema_kimg": config.training.ema_kimg}
    losses = {name: control.loss for name, control in controls.items()}
    return metrics | {"provenance": evaluator.provenance, "floor": evaluator.floor, "sampling": sampling, "controls": losses}


def _metrics_for(plan: TrialPlan, trainer: Trainer, n: int | None, part: Part) -> tuple[tuple[str, Any], ...]:
    """The metric settings, with as many samples as can be had for `part` of those that are wanted (`n`, or what the settings say)."""
    wanted = MetricSettings(**plan.metrics).n_fake if n is None else n
    return tuple(sorted((plan.metrics | {"n_fake": trainer.conditions.count(wanted, part)}).items()))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values as JSON would give them back, so that they compare equal after a journey through a file."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def _write_json(path: Path, content: Any) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path, partial):
        with partial.open("w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

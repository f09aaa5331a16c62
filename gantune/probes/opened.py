"""A run's checkpoints, and a trainer that stands where one of them was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gantune.config import Config
from gantune.errors import UserError
from gantune.families import open_family
from gantune.generator_file import trusted_family
from gantune.per_process import dataset_of, default_device
from gantune.tracking.checkpoints import check_kept
from gantune.training import checkpoint
from gantune.training.schedule import noise_at
from gantune.training.trainer import Trainer
from gantune.trial import kept_checkpoints


@dataclass(frozen=True)
class Opened:
    """A checkpoint: its configuration, and everything that was in it."""

    path: Path
    ref: str  # of its family: a bundled one, or the user's own code as given
    config: Config
    content: Mapping[str, Any]
    device: torch.device

    @property
    def kimg(self) -> float:
        """How far it had trained."""
        kimg: float = self.content["points"][-1]["kimg"]
        return kimg

    def trainer(self) -> Trainer:
        """A trainer in the state of the checkpoint."""
        trainer = Trainer(self.config, dataset_of(self.config), self.device)
        trainer.load_state(self.content["state"])
        return trainer

    def fresh_d(self, seed: int, **training: Any) -> Trainer:
        """A trainer with the checkpoint's G, in evaluation mode, and a D that has not learnt yet; `training` changes its settings."""
        noise = noise_at(self.config.training, self.kimg)  # of the checkpoint, for good
        config = replace(self.config, training=replace(self.config.training, seed=seed, noise=noise, noise_kimg=0.0, **training))
        trainer = Trainer(config, dataset_of(config), self.device)
        state = self.content["state"]
        trainer.g.load_state_dict(state["average"] or state["g"])
        for name, value in trainer.memo.items():
            value.copy_(state["memo"][name])
        trainer.seen_d.sigma = noise
        trainer.g.eval()
        return trainer


def open_checkpoints(place: Path, family: str | None = None) -> list[Opened]:
    """The checkpoint `place`, or all that a run's folder keeps, by kimg. `UserError` when there are none, or one cannot be read."""
    paths = [place] if place.suffix == ".pt" else kept_checkpoints(place)
    if not paths:
        check_kept(place / "best.pt")
        raise UserError(f"{place} has no checkpoint yet: its first report is still to come.")
    opened = sorted((_open(path, family) for path in paths), key=lambda one: one.kimg)
    return [one for one, before in zip(opened, [None, *opened], strict=False) if before is None or one.kimg > before.kimg]


def open_best(place: Path, family: str | None = None) -> Opened:
    """The checkpoint `place`, or a run's best one."""
    path = place if place.suffix == ".pt" else place / "best.pt"
    check_kept(path)
    return _open(path if path.is_file() else place / "last.pt", family)


def _open(path: Path, family: str | None) -> Opened:
    device = default_device()
    content = checkpoint.load(path, device)
    ref = trusted_family(content["family"], family, str(path))
    return Opened(path, ref, Config.of(open_family(ref), content["data"], content["values"]), content, device)

"""The complete, checked configuration of one training run, and its flat form by parameter name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch.nn import BatchNorm1d

from gantune.errors import UserError
from gantune.families.base import Family, Form, Players, check_data
from gantune.params import Param, lookup, make, param, params_of
from gantune.training.settings import Training


@dataclass(frozen=True)
class DataSettings:
    """How examples are prepared."""

    image_size: int = param(0, "height and width images are resized to; 0 takes the data set's default", low=0, high=2048)


@dataclass(frozen=True)
class Config:
    """One run: a family and its settings on a data set. Everything that decides the numbers, but for the budget."""

    family: Family[Any, Any]
    data: str
    arch: Any
    hparams: Any
    training: Training
    prepare: DataSettings

    @classmethod
    def of(cls, family: Family[Any, Any], data: str, values: Mapping[str, Any], where: str = "") -> Config:
        """From flat `values` over the family's canonical settings. Raises `UserError` on an unknown name or a bad value."""
        declared = declared_params(family)
        flat = dict(family.canonical) | dict(values)
        parts: dict[type, dict[str, Any]] = {owner: {} for owner in owners(family)}
        for name, value in flat.items():
            lookup(declared, name, where)
            parts[next(owner for owner in parts if name in params_of(owner))][name] = value
        made: list[Any] = [make(owner, given, where) for owner, given in parts.items()]
        return cls(family, data, *made)

    def check_fits(self, form: Form) -> None:
        """`UserError` when the data lack what the family needs, or settings contradict each other or the data."""
        family = self.family
        check_data(family, self.data, form)
        if self.training.augment != "none" and not (form.is_image and family.admits_augmentation):
            why = "the data are no pictures" if not form.is_image else "its D compares places in pictures that must stay aligned"
            raise UserError(f"augment={self.training.augment} cannot be used with family {family.name}: {why}. Set augment=none.")
        family.check(self.arch, self.hparams, form)

    def build(self, form: Form) -> Players:
        """The networks. `UserError` where they do not fit the data, or the batch is too small for their normalisation."""
        players = self.family.build(self.arch, form)
        self.check_batch(players)
        return players

    def check_batch(self, players: Players) -> None:
        """`UserError` where a batch of one would be normalised over itself."""
        if self.training.batch == 1 and any(isinstance(module, BatchNorm1d) for net in (players.g, players.d) for module in net.modules()):
            raise UserError("batch=1 leaves a perceptron's batch norm nothing to compare. Set g_norm=layer, or batch=2.")

    def flat(self) -> dict[str, Any]:
        """Every parameter by name, in the order arch, hparams, training, data."""
        parts = (self.arch, self.hparams, self.training, self.prepare)
        return {name: value for part in parts for name, value in dataclasses.asdict(part).items()}


def owners(family: Family[Any, Any]) -> tuple[type, type, type, type]:
    """The settings classes that make up a run of `family`."""
    return family.Arch, family.Hparams, Training, DataSettings


def declared_params(family: Family[Any, Any]) -> dict[str, Param]:
    """Every parameter of a run of `family`, by name. Names are unique across its settings classes."""
    declared: dict[str, Param] = {}
    for owner in owners(family):
        params = params_of(owner)
        assert not declared.keys() & params.keys(), f"{family.name}: {declared.keys() & params.keys()} declared twice"
        declared |= params
    return declared

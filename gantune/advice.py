"""What settings ask for in vain: those that nothing listens to, and rates that are 0 before the budget ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gantune.config import Config, declared_params
from gantune.errors import UserError
from gantune.families.base import Form
from gantune.params import params_of
from gantune.training.schedule import rates_end
from gantune.training.seeds import initialisation

# Whether a setting is heard, by the value of another one. Of the networks' own settings it is seen in the networks.
HEARD: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "momentum": ("optimiser", lambda value: value != "adam"),
    "beta1": ("optimiser", lambda value: value == "adam"),
    "beta2": ("optimiser", lambda value: value == "adam"),
    "penalty_weight": ("penalty", lambda value: value != "none"),
    "noise_kimg": ("noise", lambda value: value > 0),
    "lr_decay_start": ("lr_decay", lambda value: value != "none"),
    "lr_decay_kimg": ("lr_decay", lambda value: value != "none"),
    "margin_end": ("margin_kimg", lambda value: value > 0),
}


def unheard(config: Config, form: Form, name: str, others: Sequence[Any], searched: Iterable[str] = ()) -> str | None:
    """Why it makes no difference whether `name` has its value in `config` or one of `others`; None where it makes one, or may.

    What depends on a parameter that is `searched` itself may.
    """
    values = config.flat()
    if all(other == values[name] for other in others):
        return None
    if name in HEARD:
        decisive, hears = HEARD[name]
        if decisive not in values or decisive in searched or hears(values[decisive]):
            return None
        return f"{decisive} is {values[decisive]}"
    if name not in params_of(config.family.Arch) or any(other in params_of(config.family.Arch) for other in searched if other != name):
        return None
    others_built = (dataclasses.replace(config, arch=dataclasses.replace(config.arch, **{name: other})) for other in others)
    with initialisation(0):
        try:
            here = str(config.build(form))
            changed = any(str(other.build(form)) != here for other in others_built)
        except UserError:  # a value that does not fit at all
            return None
    return None if changed else "the networks are the same without it"


def own_value(config: Config, name: str) -> Any:
    """What the family itself sets a parameter to."""
    return config.family.canonical.get(name, declared_params(config.family)[name].default)


def rates_that_end(config: Config, kimg: float) -> str | None:
    """A note where both learning rates are 0 for the last part of a budget; None where they are not."""
    end = rates_end(config.training)
    if end is None or end >= kimg:
        return None
    return f"lr_decay={config.training.lr_decay} ends at {end:g} kimg: both rates are 0 from there to the budget's {kimg:g}"


def pretraining_only(config: Config, kimg: float) -> str | None:
    """A note where a budget ends before the game begins; None where it does not."""
    pretraining = getattr(config.hparams, "pretrain_kimg", 0.0)
    return None if pretraining < kimg else f"pretrain_kimg={pretraining:g} takes all of the budget's {kimg:g} kimg: the two never play"


def check_budget(config: Config, kimg: float) -> None:
    """`UserError` where the generator would never train."""
    if config.training.d_warmup >= kimg:
        raise UserError(f"d_warmup={config.training.d_warmup:g} leaves the generator nothing of a budget of {kimg:g} kimg. Lower it.")

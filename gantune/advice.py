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

SEEN = frozenset({"features", "hidden", "layers", "d_norm", "g_norm"})  # whether they are heard is seen in the networks
# Whether a setting is heard, by the value of another one.
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

    What depends on a parameter that is `searched` itself may, and so may what a family of the user's own builds.
    """
    values = config.flat()
    if all(other == values[name] for other in others):
        return None
    if name in HEARD:
        decisive, hears = HEARD[name]
        if decisive not in values or decisive in searched or hears(values[decisive]):
            return None
        return f"{decisive} is {values[decisive]}"
    family, arch = config.family, config.arch
    is_bundled = type(family).build.__module__.startswith("gantune.")
    if name not in SEEN or name not in params_of(family.Arch) or not is_bundled or (set(searched) - {name}) & {*SEEN, "net", "g_net"}:
        return None
    with initialisation(0):
        try:
            here, *there = (
                str(family.build(one, form)) for one in (arch, *(dataclasses.replace(arch, **{name: other}) for other in others))
            )
        except UserError:  # a value that does not fit at all
            return None
    return None if any(other != here for other in there) else "the networks are the same without it"


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

"""Every declared parameter, and every one that a shipped space searches, changes the training.

A rate that is read under the wrong name, or an optimiser built with a default, leaves two runs with different settings equal:
that is what these tests would see.
"""

from __future__ import annotations

import pytest
import torch
from shipped import shipped_sweeps
from toys import CASES, dataset_for, toy_config

from gantune.config import declared_params
from gantune.families import family_names, open_family
from gantune.params import Param, params_of
from gantune.space import SearchSpace
from gantune.spec import load_sweep
from gantune.training.settings import Training
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")
KIMG = 0.12
CONVOLUTIONS = {"net": "dcgan"}
# What a parameter needs beside it to have an effect at all.
NEEDS: dict[str, dict[str, object]] = {
    "momentum": {"optimiser": "sgd", "lr_g": 0.01},
    "beta1": {"optimiser": "adam"},
    "lr_decay_start": {"lr_decay": "linear", "lr_decay_kimg": 0.12},
    "lr_decay_kimg": {"lr_decay": "linear"},
    "noise_kimg": {"noise": 0.3},
    "hidden": {"net": "mlp"},
    "layers": {"net": "mlp"},
    "net": {"penalty": "none", "spectral_norm": False},
    "g_net": CONVOLUTIONS,
    "features": CONVOLUTIONS,
    "g_norm": CONVOLUTIONS,
    "d_norm": {**CONVOLUTIONS, "penalty": "none"},
    "penalty": {"d_norm": "none"},
    "penalty_weight": {"penalty": "gp", "d_norm": "none"},
    "g_loss": {"lr_g": 5e-3},  # they part as D's outputs leave 0
    "margin_end": {"margin_kimg": 0.05},
    "diversity": {"balance_rate": 0.5},
    "balance_rate": {"lr_g": 1e-2, "diversity": 1.0},  # with less k_t stays at 0 for the first steps
    "rate": {"rate_kimg": 0.0},
}
VALUES: dict[str, tuple[object, object]] = {
    "lr_decay": ("none", "linear"),
    "lr_decay_start": (0.0, 0.08),
    "lr_decay_kimg": (0.12, 0.3),
    "noise_kimg": (0.0, 0.1),
    "d_warmup": (0.0, 0.06),
    "ema_kimg": (0.0, 0.05),
    "net": ("dcgan", "mlp"),
    "g_net": ("same", "mlp"),
    "k": (1, 3),
    "spectral_norm": (False, True),
    "margin_end": (1.0, 50.0),
    "diversity": (0.1, 1.0),
    "pretrain_kimg": (0.0, 0.06),
    "penalty": ("none", "gp"),
    "patch_layers": (1, 2),
    "pool": (0, 30),
    "rate_kimg": (0.0, 320.0),
}
# What a family needs beside it so that a few steps show.
BESIDE: dict[str, dict[str, object]] = {"irgan": {"lr_g": 0.1, "pretrain_kimg": 0.04}}
DATA_ONLY = {"image_size"}  # tested with the data sets
TRAINER_ON = ("gan", "dcgan")  # the trainer's own settings are the same for every family


def outcome(name: str, kind: str, **values: object) -> torch.Tensor:
    """All weights after a few steps, and the samples they give."""
    declared = declared_params(open_family(name))
    companions = {key: value for key, value in values.items() if key in declared}
    config = toy_config(name, kind, **({"lr_decay_kimg": 0.12} | companions))
    trainer = Trainer(config, dataset_for(kind), CPU)
    trainer.train_to(KIMG)
    weights = [weight.detach().flatten() for player in (trainer.g, trainer.d) for weight in player.parameters()]
    return torch.cat([*weights, trainer.sample(20, 0).x.flatten()])


def two_values(parameter: Param) -> tuple[object, object]:
    if parameter.name in VALUES:
        return VALUES[parameter.name]
    if parameter.choices is not None:
        return parameter.choices[0], parameter.choices[1]
    if parameter.kind is bool:
        return False, True
    if parameter.kind is int:
        return 3, 5
    high = 1.0 if parameter.high is None else min(1.0, parameter.high)
    return 0.1 * high, 0.6 * high


def differ(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape != b.shape or float((a - b).norm() / b.norm()) > 1e-4


def parameters_of(name: str) -> list[str]:
    own = [*params_of(open_family(name).Arch), *params_of(open_family(name).Hparams)]
    return own + (list(params_of(Training)) if name in TRAINER_ON else [])


def kind_for(name: str) -> str:
    return next(kind for kind in ("images", "pairs", "domains", "queries", "points") if (name, kind) in CASES)


PARAMETERS = [(family, name) for family in family_names() for name in parameters_of(family) if name not in DATA_ONLY]


@pytest.mark.parametrize(("family", "name"), PARAMETERS)
def test_every_parameter_changes_the_training(family: str, name: str) -> None:
    first, second = two_values(declared_params(open_family(family))[name])
    needs = BESIDE.get(family, {}) | NEEDS.get(name, {})
    kind = kind_for(family)
    assert differ(outcome(family, kind, **needs | {name: first}), outcome(family, kind, **needs | {name: second}))


def spaces_of(sweep: str) -> list[SearchSpace]:
    """The sweep's space, or that of each of its families."""
    space = load_sweep(sweep).space
    return [space] if isinstance(space, SearchSpace) else list(space.members.values())


SEARCHED = [(sweep, space.family) for sweep in shipped_sweeps() for space in spaces_of(sweep)]


@pytest.mark.parametrize(("sweep", "family"), SEARCHED)
def test_every_searched_parameter_changes_the_training(sweep: str, family: str) -> None:
    """At two values of its own domain, far from each other."""
    space = next(space for space in spaces_of(sweep) if space.family == family)
    assert space.parameters
    for name, domain in space.parameters.items():
        needs = BESIDE.get(family, {}) | NEEDS.get(name, {})
        low, high = (
            domain.choices[:2]
            if domain.kind == "choice"
            else (domain.low * 1.01 + 1e-9, domain.high * (0.99 if domain.kind == "uniform" else 0.5))
        )
        first, second = (outcome(family, kind_for(family), **needs | consequences(space, name, value)) for value in (low, high))
        assert differ(first, second), name


def consequences(space: SearchSpace, name: str, value: object) -> dict[str, object]:
    """A parameter's value, and those derived from it."""
    if not any(name in expression for expression in space.derived.values()):
        return {name: value}
    params, _ = space.project(space.defaults)
    resolved = space.resolve(params | {name: value})
    return {key: resolved[key] for key in space.derived}


def test_the_check_itself_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that ignores the searched rate, as in `config.get("lr", 0.01)`, is caught."""
    from gantune.training import trainer as module

    original = module.make_optimiser
    monkeypatch.setattr(module, "make_optimiser", lambda net, lr, training: original(net, 0.01, training))
    monkeypatch.setattr(module, "set_rate", lambda optimiser, lr: None)
    assert not differ(outcome("dcgan", "images", lr_g=1e-4), outcome("dcgan", "images", lr_g=1e-3))
    assert not differ(outcome("gan", "images", lr_ratio=0.1), outcome("gan", "images", lr_ratio=1.0))

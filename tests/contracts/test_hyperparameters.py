"""Every declared parameter, and every one that a shipped space searches, changes the training.

A rate that is read under the wrong name, or an optimiser built with a default, leaves two runs with different settings equal:
that is what these tests would see.
"""

from __future__ import annotations

import pytest
import torch
from toys import dataset_for, toy_config

from gantune.config import declared_params
from gantune.families import family_names, open_family
from gantune.params import Param
from gantune.space import open_space
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")
KIMG = 0.12
# What a parameter needs beside it to have an effect at all.
NEEDS = {
    "momentum": {"optimiser": "sgd", "lr_g": 0.01},
    "lr_decay_start": {"lr_decay": "linear", "lr_decay_kimg": 0.12},
    "lr_decay_kimg": {"lr_decay": "linear"},
    "noise_kimg": {"noise": 0.3},
    "hidden": {"net": "mlp"},
    "layers": {"net": "mlp"},
}
VALUES = {
    "lr_decay": ("none", "linear"),
    "lr_decay_start": (0.0, 0.08),
    "lr_decay_kimg": (0.12, 0.3),
    "noise_kimg": (0.0, 0.1),
    "d_warmup": (0.0, 0.06),
    "ema_kimg": (0.0, 0.05),
    "net": ("dcgan", "mlp"),
    "k": (1, 3),
}
DATA_ONLY = {"image_size"}  # tested with the data sets


def outcome(name: str, kind: str, **values: object) -> torch.Tensor:
    """All weights after a few steps, and the samples they give."""
    companions = {key: value for key, value in values.items() if key in declared_params(open_family(name))}
    config = toy_config(name, kind, **({"lr_decay_kimg": 0.12} | companions))
    trainer = Trainer(config, dataset_for(kind), CPU)
    trainer.train_to(KIMG)
    weights = [weight.detach().flatten() for player in (trainer.g, trainer.d) for weight in player.parameters()]
    return torch.cat([*weights, trainer.sample(20, 0).flatten()])


def two_values(parameter: Param) -> tuple[object, object]:
    if parameter.name in VALUES:
        return VALUES[parameter.name]
    if parameter.choices is not None:
        return parameter.choices[0], parameter.choices[1]
    if parameter.kind is int:
        return 3, 5
    high = 1.0 if parameter.high is None else min(1.0, parameter.high)
    return 0.1 * high, 0.6 * high


def differ(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape != b.shape or float((a - b).norm() / b.norm()) > 1e-4


CASES = [(family, name) for family in family_names() for name in declared_params(open_family(family)) if name not in DATA_ONLY]


@pytest.mark.parametrize(("family", "name"), CASES)
def test_every_parameter_changes_the_training(family: str, name: str) -> None:
    first, second = two_values(declared_params(open_family(family))[name])
    needs = NEEDS.get(name, {})
    assert differ(outcome(family, "images", **needs, **{name: first}), outcome(family, "images", **needs, **{name: second}))


@pytest.mark.parametrize("space", ["balance", "dcgan", "gan", "wgan_gp"])
def test_every_searched_parameter_changes_the_training(space: str) -> None:
    """At two values of its own domain, far from each other."""
    family = "dcgan" if space == "balance" else space
    searched = open_space(space, family)[0].parameters
    assert searched
    for name, domain in searched.items():
        needs = NEEDS.get(name, {})
        low, high = domain.choices[:2] if domain.kind == "choice" else (domain.low * 1.01 + 1e-9, domain.high * 0.5)
        assert differ(outcome(family, "images", **needs, **{name: low}), outcome(family, "images", **needs, **{name: high})), name


def test_the_check_itself_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that ignores the searched rate, as in `config.get("lr", 0.01)`, is caught."""
    from gantune.training import trainer as module

    original = module.make_optimiser
    monkeypatch.setattr(module, "make_optimiser", lambda net, lr, training: original(net, 0.01, training))
    monkeypatch.setattr(module, "set_rate", lambda optimiser, lr: None)
    assert not differ(outcome("dcgan", "images", lr_g=1e-4), outcome("dcgan", "images", lr_g=1e-3))
    assert not differ(outcome("gan", "images", lr_ratio=0.1), outcome("gan", "images", lr_ratio=1.0))

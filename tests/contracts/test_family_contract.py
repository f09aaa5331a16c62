"""What every family promises, run once over all of them on points and on small images where they take them."""

from __future__ import annotations

import copy
import dataclasses
import sys

import pytest
import torch
from toys import CASES, dataset_for, toy_config

from gantune.config import declared_params
from gantune.families import FAMILIES, open_family
from gantune.families.base import Batch
from gantune.families.standard import StandardGAN
from gantune.training import checkpoint
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")


def trainer_of(name: str, kind: str, **values: object) -> Trainer:
    return Trainer(toy_config(name, kind, **values), dataset_for(kind), CPU)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {f"{player}.{name}": value.clone() for player in "gd" for name, value in getattr(trainer, player).state_dict().items()}


def test_every_family_is_under_contract() -> None:
    assert {name for name, _ in CASES} == set(FAMILIES)


@pytest.mark.parametrize(("name", "kind"), CASES)
@pytest.mark.parametrize("player", ["d", "g"])
def test_a_step_moves_its_own_player_only(name: str, kind: str, player: str) -> None:
    trainer = trainer_of(name, kind)
    before = {which: [weight.clone() for weight in getattr(trainer, which).parameters()] for which in "gd"}
    (trainer.d_step if player == "d" else trainer._g_step)()
    for which in "gd":
        after = list(getattr(trainer, which).parameters())
        moved = any(not torch.equal(a, b) for a, b in zip(after, before[which], strict=True))
        assert moved == (which == player)
        if which != player:
            assert all(weight.grad is None for weight in after)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_losses_leave_their_inputs_alone(name: str, kind: str) -> None:
    trainer = trainer_of(name, kind)
    config, family = trainer.config, trainer.family
    batch = trainer.batches(0)
    draws = family.draw(config.arch, config.hparams, trainer.form, len(batch), torch.Generator().manual_seed(0))
    copies = copy.deepcopy((batch, draws, trainer.memo))
    family.d_loss(trainer.g, trainer.d, batch, draws, config.hparams, trainer.memo)[0].backward()
    family.g_loss(trainer.g, trainer.d, batch, draws, config.hparams, trainer.memo)[0].backward()
    for given, kept in zip((batch, draws), copies[:2], strict=True):
        for field in dataclasses.fields(given):
            value = getattr(given, field.name)
            if isinstance(value, torch.Tensor):
                assert torch.equal(value, getattr(kept, field.name))
                assert value.grad is None
    assert trainer.memo.keys() == copies[2].keys()
    assert all(torch.equal(value, copies[2][key]) for key, value in trainer.memo.items()), "only `remember` changes the memory"


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_draws_come_from_the_given_generator_alone(name: str, kind: str) -> None:
    config, form = toy_config(name, kind), dataset_for(kind).form
    draws = []
    for outside in (1, 2):
        torch.manual_seed(outside)
        draws.append(config.family.draw(config.arch, config.hparams, form, 5, torch.Generator().manual_seed(3)))
    for field in dataclasses.fields(draws[0]):
        first, second = (getattr(each, field.name) for each in draws)
        assert first is second or torch.equal(first, second)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_resumed_equals_uninterrupted_bit_for_bit(name: str, kind: str, tmp_path) -> None:
    extras: dict[str, object] = {"ema_kimg": 0.05, "noise": 0.1, "noise_kimg": 0.2}
    if "dropout" in declared_params(open_family(name)):
        extras["dropout"] = 0.3
    if kind == "images" and open_family(name).admits_augmentation:
        extras["augment"] = "all"
    straight = trainer_of(name, kind, **extras)
    straight.train_to(0.2)
    straight.signals()
    straight.train_to(0.4)

    first = trainer_of(name, kind, **extras)
    first.train_to(0.2)
    first.signals()
    checkpoint.save(tmp_path / "last.pt", {"state": first.state()})
    torch.manual_seed(99)
    torch.rand(7)
    second = trainer_of(name, kind, **extras)
    second.load_state(checkpoint.load(tmp_path / "last.pt")["state"])
    second.train_to(0.4)

    assert all(torch.equal(a, b) for a, b in zip(weights(straight).values(), weights(second).values(), strict=True))
    ours, theirs = straight.signals(), second.signals()
    timing = {"seconds", "images_per_s"}
    assert {k: v for k, v in ours.items() if k not in timing} == {k: v for k, v in theirs.items() if k not in timing}
    assert torch.equal(straight.sample(9, 1).x, second.sample(9, 1).x)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_same_seed_same_run_other_seed_other_run(name: str, kind: str) -> None:
    runs = []
    for seed in (0, 0, 1):
        trainer = trainer_of(name, kind, seed=seed)
        trainer.train_to(0.1)
        runs.append(weights(trainer))
    assert all(torch.equal(runs[0][key], runs[1][key]) for key in runs[0])
    assert any(not torch.equal(runs[0][key], runs[2][key]) for key in runs[0])


STANDARD = [(name, kind) for name, kind in CASES if kind == "points" and isinstance(open_family(name), StandardGAN)]


@pytest.mark.parametrize(("name", "kind"), [case for case in STANDARD if toy_config(*case).family.equilibrium(toy_config(*case).hparams)])
def test_equal_distributions_reach_the_equilibrium_value(name: str, kind: str) -> None:
    """D is trained on two samples of one distribution; on fresh ones its loss is the declared equilibrium value."""
    trainer = trainer_of(name, kind, lr_g=1e-3)
    config, family, source = trainer.config, trainer.family, torch.Generator().manual_seed(0)
    equilibrium = family.equilibrium(config.hparams)
    assert equilibrium is not None

    def loss_on_equals() -> tuple[torch.Tensor, torch.Tensor]:
        real, fake = torch.randn(2, 1024, 2, generator=source)
        draws = family.draw(config.arch, config.hparams, trainer.form, 1024, source)
        told = torch.randint(2, (1024,), generator=source) if family.needs == "labels" else None
        loss, aux = family.d_loss(lambda *inputs: fake, trainer.d, Batch(real, told), draws, config.hparams, trainer.memo)
        return loss, aux["d_adv"]

    for _ in range(200):
        trainer.opt_d.zero_grad()
        loss_on_equals()[0].backward()
        trainer.opt_d.step()
    readings = torch.stack([loss_on_equals()[1].detach() for _ in range(20)])
    assert abs(readings.mean() - equilibrium.value) < 0.02


@pytest.mark.parametrize("name", list(FAMILIES))
def test_canonical_settings_are_declared_and_allowed(name: str) -> None:
    family = open_family(name)
    declared = declared_params(family)
    for parameter, value in family.canonical.items():
        assert declared[parameter].check(value) == value
    for parameter in declared.values():
        assert parameter.doc
        assert parameter.check(parameter.default) == parameter.default
    first_line = (sys.modules[type(family).__module__].__doc__ or "").splitlines()[0]
    assert family.paper.rpartition("arXiv:")[2] in first_line

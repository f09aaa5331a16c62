"""Which settings fit together, clipping, and where an equilibrium is claimed."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized
from toys import dataset_for, toy_config

from gantune.config import declared_params
from gantune.errors import UserError
from gantune.families import family_names, open_family
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.mark.parametrize("penalty", ["gp", "r1", "dragan"])
def test_a_gradient_penalty_refuses_batch_norm_in_d(penalty: str) -> None:
    with pytest.raises(UserError, match=rf"penalty {penalty} needs a discriminator without batch norm. Set d_norm=none"):
        toy_config("dcgan", "images", penalty=penalty).check_fits(dataset_for("images").form)
    for norm in ("none", "layer", "instance"):
        trainer = Trainer(toy_config("dcgan", "images", penalty=penalty, d_norm=norm), dataset_for("images"), CPU)
        trainer.train_to(0.04)
        assert math.isfinite(trainer.signals()["d_penalty"])


@pytest.mark.parametrize("net", ["dcgan", "resnet", "mlp"])
@pytest.mark.parametrize("g_net", ["dcgan", "resnet", "mlp"])
def test_any_generator_meets_any_critic(net: str, g_net: str) -> None:
    trainer = Trainer(toy_config("wgan", "images", net=net, g_net=g_net), dataset_for("images"), CPU)
    trainer.train_to(0.12)
    assert trainer.sample(3, 0).x.shape == (3, 1, 16, 16)


def test_the_critic_of_wgan_stays_in_its_box() -> None:
    trainer = Trainer(toy_config("wgan", "images", clip=0.02, lr_g=0.1), dataset_for("images"), CPU)
    trainer.d_step()
    assert max(float(weight.abs().max()) for weight in trainer.d.parameters()) == pytest.approx(0.02)
    assert max(float(weight.abs().max()) for weight in trainer.g.parameters()) > 0.02


def test_spectral_norm_bounds_every_layer() -> None:
    trainer = Trainer(toy_config("hinge_gan", "images", lr_g=0.05), dataset_for("images"), CPU)
    trainer.train_to(0.3)
    layers = [module for module in trainer.d.modules() if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear))]
    assert layers
    for layer in layers:
        assert float(torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)) < 1.3  # one power iteration a step lags a little


@pytest.mark.parametrize("name", [name for name in family_names() if name not in ("irgan", "pix2pix", "cyclegan", "discogan")])
def test_spectral_norm_is_of_all_of_d_and_of_nothing_else(name: str) -> None:
    norms = {"d_norm": "none", "g_norm": "none", "penalty": "none", "spectral_norm": True}
    declared = declared_params(open_family(name))
    config = toy_config(name, "images", **{key: value for key, value in norms.items() if key in declared})
    players = config.build(dataset_for("images").form)
    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    for player, expected in ((players.g, False), (players.d, True)):
        layers = {where: module for where, module in player.named_modules() if isinstance(module, kinds) and where != "embed"}
        assert {where for where, module in layers.items() if is_parametrized(module) != expected and not where.startswith("q")} == set()


@pytest.mark.parametrize(("family", "value"), [("dcgan", math.log(2)), ("lsgan", 0.25), ("hinge_gan", 2.0)])
def test_no_equilibrium_is_claimed_where_a_penalty_keeps_d_from_being_constant(family: str, value: float) -> None:
    opened = open_family(family)
    assert opened.equilibrium(opened.Hparams()).value == pytest.approx(value)
    assert opened.equilibrium(opened.Hparams(penalty="r1")).value == pytest.approx(value)
    assert opened.equilibrium(opened.Hparams(penalty="gp")) is None
    assert open_family("wgan_gp").equilibrium(open_family("wgan_gp").Hparams(penalty="gp")).value == 0


def test_augmentation_is_for_pictures() -> None:
    with pytest.raises(UserError, match="augment=all cannot be used with family gan: the data are no pictures"):
        toy_config("gan", "points", augment="all").check_fits(dataset_for("points").form)

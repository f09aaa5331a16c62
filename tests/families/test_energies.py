"""EBGAN, BEGAN and the loss-sensitive GAN against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from toys import dataset_for, toy_config

from gantune.errors import UserError
from gantune.families.base import Batch, Draws
from gantune.families.began import BEGAN, BEGANHparams
from gantune.families.ebgan import EBGAN, EBGANHparams
from gantune.families.ls_gan import LossSensitiveGAN, LossSensitiveHparams

REAL, FAKE = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[6.0, 8.0], [1.0, 0.0]])
DRAWS = Draws(z=torch.zeros(2, 1))


def fake(z: Tensor) -> Tensor:
    return FAKE


def zero(x: Tensor) -> tuple[Tensor, Tensor]:
    """An autoencoder that gives 0 for everything; its code is the example itself."""
    return torch.zeros_like(x), x


def test_ebgan_energy_is_a_norm_and_the_margin_a_hinge() -> None:
    hp = EBGANHparams(margin=4.0, pt_weight=0.5)
    memo = {"margin": torch.tensor(4.0)}
    loss, aux = EBGAN().d_loss(fake, zero, Batch(REAL), DRAWS, hp, memo)  # energies: real 5, 0; fake 10, 1
    assert loss.item() == pytest.approx((5 + 0) / 2 + (0 + 3) / 2)
    assert aux["d_fake"].tolist() == [-10, -1]
    g_loss, parts = EBGAN().g_loss(fake, zero, Batch(REAL), DRAWS, hp, memo)
    assert parts["g_adv"].item() == pytest.approx(5.5)
    assert g_loss.item() == pytest.approx(5.5 + 0.5 * 0.36)  # the codes' cosine is 0.6


def test_ebgan_margin_falls_to_its_end_and_has_no_equilibrium_meanwhile() -> None:
    hp = EBGANHparams(margin=10.0, margin_kimg=20.0, margin_end=2.0)
    memo = {"margin": torch.tensor(10.0)}
    readings = []
    for kimg in (0, 10, 20, 500):
        EBGAN().remember(memo, {}, hp, kimg)
        readings.append(memo["margin"].item())
    assert readings == [10, 6, 2, 2]
    assert EBGAN().equilibrium(hp) is None
    assert EBGAN().equilibrium(EBGANHparams()).value == 10


@pytest.mark.parametrize("name", ["ebgan", "began"])
def test_augmentation_is_refused_where_the_energy_is_of_the_picture_itself(name: str) -> None:
    with pytest.raises(UserError, match="augment=all cannot be used"):
        toy_config(name, "images", augment="all").check_fits(dataset_for("images").form)


@pytest.mark.parametrize("net", ["dcgan", "resnet", "mlp"])
def test_the_reconstruction_of_began_is_linear_and_its_pictures_are_bounded(net: str) -> None:
    config, form = toy_config("began", "images", net=net), dataset_for("images").form
    players = config.family.build(config.arch, form)
    for part in (players.g, players.d.decoder):
        for layer in part.parameters():
            torch.nn.init.constant_(layer, 0.3)
    assert players.g(torch.ones(2, config.arch.latent_dim)).max() <= 1
    assert players.d.decoder(torch.ones(2, config.arch.code_dim)).max() > 1


def test_began_balances_the_two_errors() -> None:
    hp = BEGANHparams(diversity=0.5, balance_rate=0.1)
    memo = {"k_t": torch.tensor(0.25)}
    loss, aux = BEGAN().d_loss(fake, zero, Batch(REAL), DRAWS, hp, memo)  # errors: real 3.5, 0; fake 7, 0.5
    assert loss.item() == pytest.approx(1.75 - 0.25 * 3.75)
    assert aux["convergence"].item() == pytest.approx(1.75 + abs(0.5 * 1.75 - 3.75))
    BEGAN().remember(memo, aux, hp, 0.0)
    assert memo["k_t"].item() == 0  # 0.25 + 0.1 (0.875 - 3.75), clipped
    BEGAN().remember(memo, {"d_real": torch.tensor([-8.0]), "d_fake": torch.tensor([-1.0])}, hp, 0.0)
    assert memo["k_t"].item() == pytest.approx(0.3)


def test_loss_sensitive_margin_grows_with_the_distance_of_the_pair() -> None:
    def d(x: Tensor) -> Tensor:
        return torch.expm1(x[:, 0]).log()  # so that softplus gives back the first coordinate

    real, made = torch.tensor([[1.0, 0.0], [2.0, 0.0]]), torch.tensor([[3.0, 4.0], [9.0, 0.0]])
    hp = LossSensitiveHparams(gap_weight=2.0, real_weight=0.5)
    loss, aux = LossSensitiveGAN().d_loss(lambda z: made, d, Batch(real), DRAWS, hp, {})
    # pair 1: distance 3, so 2 · 3 + 1 - 3 = 4; pair 2: distance 3.5, so 7 + 2 - 9 = 0
    assert loss.item() == pytest.approx((0.5 * 1 + 4 + 0.5 * 2 + 0) / 2)
    assert aux["d_real"].tolist() == pytest.approx([-1, -2])
    assert LossSensitiveGAN().g_loss(lambda z: made, d, Batch(real), DRAWS, hp, {})[0].item() == pytest.approx(6)

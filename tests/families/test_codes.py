"""InfoGAN's information bound, BiGAN's flipped labels and what conditional players are told, against numbers worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized
from toys import dataset_for, toy_config

from gantune.config import Config
from gantune.data import Form, open_dataset
from gantune.errors import UserError
from gantune.families.base import Batch, Draws
from gantune.families.bigan import BiGAN, BiGANHparams
from gantune.families.infogan import InfoGAN, InfoGANHparams
from gantune.nets.conditional import as_vectors, label_embedding
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")
CODE = torch.tensor([0, 3, 1, 2])
DRAWS = Draws(z=torch.zeros(4, 1), code=CODE, code_c=torch.tensor([[0.5], [-0.5], [1.0], [0.0]]))


def test_a_q_that_knows_reads_ln_k_and_one_that_ignores_reads_0() -> None:
    knowing = (torch.eye(4)[CODE] * 50, DRAWS.code_c)
    ignoring = (torch.zeros(4, 4), torch.zeros(4, 1))
    entropy, best = math.log(2), -0.5 * math.log(2 * math.pi)
    total, bound = InfoGAN().information(knowing, DRAWS, InfoGANHparams())
    assert bound.item() == pytest.approx(math.log(4), abs=1e-6)
    assert total.item() == pytest.approx(math.log(4) + entropy + best, abs=1e-6)
    total, bound = InfoGAN().information(ignoring, DRAWS, InfoGANHparams(mi_weight=2.0, mi_weight_continuous=3.0))
    assert bound.item() == pytest.approx(0, abs=1e-6)
    assert total.item() == pytest.approx(3 * (entropy + best - (0.25 + 0.25 + 1) / 8), abs=1e-6)


def test_both_players_of_infogan_maximise_the_information() -> None:
    def d(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return torch.zeros(4), torch.eye(4)[CODE] * 50, torch.zeros(4, 1)

    batch, hp = Batch(torch.zeros(4, 2)), InfoGANHparams(mi_weight=2.0, mi_weight_continuous=0.0)
    loss, aux = InfoGAN().d_loss(lambda *inputs: inputs[0], d, batch, DRAWS, hp, {})
    assert aux["d_adv"].item() == pytest.approx(math.log(2))
    assert loss.item() == pytest.approx(math.log(2) - 2 * math.log(4), abs=1e-5)
    assert InfoGAN().g_loss(lambda *inputs: inputs[0], d, batch, DRAWS, hp, {})[0].item() == pytest.approx(
        math.log(2) - 2 * math.log(4), abs=1e-5
    )


def test_bigan_compares_pairs_and_flips_the_labels_for_g_and_e() -> None:
    def g(x: torch.Tensor, part: str | None = None) -> torch.Tensor:
        return x + 1 if part == "encoder" else x - 1

    def d(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return (x + 2 * z).flatten()

    batch, draws = Batch(torch.tensor([[0.0]])), Draws(z=torch.tensor([[1.0]]))
    real, fake = 0 + 2 * 1, 0 + 2 * 1  # (x, E(x)) = (0, 1); (G(z), z) = (0, 1): alike here, so that any D is at chance
    loss, aux = BiGAN().d_loss(g, d, batch, draws, BiGANHparams(), {})
    assert (aux["d_real"].item(), aux["d_fake"].item()) == (real, fake)
    draws = Draws(z=torch.tensor([[3.0]]))  # now (2, 3): logit 8
    loss, aux = BiGAN().d_loss(g, d, batch, draws, BiGANHparams(), {})
    flipped, _ = BiGAN().g_loss(g, d, batch, draws, BiGANHparams(), {})
    softplus = lambda s: math.log1p(math.exp(s))  # noqa: E731
    assert loss.item() == pytest.approx((softplus(-2) + softplus(8)) / 2)
    assert flipped.item() == pytest.approx((softplus(2) + softplus(-8)) / 2)


def test_labels_reach_both_players_of_cgan() -> None:
    trainer = Trainer(toy_config("cgan", "images"), dataset_for("images"), CPU)
    trainer.train_to(0.05)
    z, x = torch.zeros(2, 4), torch.zeros(2, 1, 16, 16)
    assert not torch.equal(*trainer.g(z, torch.tensor([0, 1])))
    assert not torch.equal(*trainer.d(x, torch.tensor([0, 1])))
    samples = trainer.sample(6, 0)
    assert samples.y.shape == (6,)


def test_classes_become_one_hot_and_attributes_stay() -> None:
    assert as_vectors(torch.tensor([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert as_vectors(torch.tensor([[1, 0, 1]], dtype=torch.uint8), 3).tolist() == [[1, 0, 1]]


def test_a_label_is_as_loud_as_z_from_the_start() -> None:
    """A quiet one goes unheard: D finds the real pictures by their labels, and G collapses."""
    torch.manual_seed(0)
    for form, y in (
        (Form((1, 16, 16), classes=10), torch.arange(1000) % 10),
        (Form((1, 16, 16), attributes=40), torch.randint(2, (1000, 40))),
    ):
        told = label_embedding(form, 64)(as_vectors(y, form.classes or form.attributes))
        assert told.square().mean().sqrt().item() == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("net", ["dcgan", "resnet", "mlp"])
def test_cgan_trains_on_attributes_with_every_net(net: str) -> None:
    toy = dataset_for("images")
    attributes, heldout = (torch.stack([y, 1 - y, torch.zeros_like(y)], 1).to(torch.uint8) for y in (toy.labels, toy.heldout_labels))
    data = dataclasses.replace(toy, labels=attributes, heldout_labels=heldout)
    trainer = Trainer(toy_config("cgan", "images", net=net, penalty="gp", d_norm="none"), data, CPU)
    trainer.train_to(0.04)
    assert trainer.sample(6, 0).y.shape == (6, 3)
    assert math.isfinite(trainer.heldout(20, 0)["d_loss"])
    assert len(trainer.conditions.for_grid(16, columns=8).y) == 16


def test_the_encoder_of_bigan_is_no_part_of_d() -> None:
    d_alone = {"spectral_norm": True, "dropout": 0.5, "d_norm": "none", "g_norm": "layer"}
    config = toy_config("bigan", "images", **d_alone)
    players = config.family.build(config.arch, dataset_for("images").form)
    kinds = {type(module).__name__ for module in players.g["encoder"].modules()}
    assert "GroupNorm" in kinds
    assert not {"Dropout", "BatchNorm2d"} & kinds
    for player, normalised in ((players.g, False), (players.d, True)):
        weights = [module for module in player.modules() if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))]
        assert all(is_parametrized(module) == normalised for module in weights)


def test_cgan_needs_labels() -> None:
    with pytest.raises(UserError, match=r"family cgan needs labelled examples, and data toy-pairs has none\. Use mnist5k"):
        toy_config("cgan", "pairs").check_fits(dataset_for("pairs").form)


@pytest.mark.slow
def test_the_encoder_of_bigan_learns_to_invert_g() -> None:
    """Theorem 2, on a ring of eight Gaussians: G(E(x)) comes back to x, though no loss asks for it."""
    data = open_dataset("ring8")
    values = {"hidden": 128, "layers": 2, "latent_dim": 2, "lr_g": 1e-3}
    trainer = Trainer(Config.of(BiGAN(), "ring8", values), data, CPU)
    trainer.train_to(200)
    with torch.no_grad():
        back = trainer.g(trainer.g(data.heldout, part="encoder"))
    error = (back - data.heldout).square().sum(1).mean() / data.heldout.var(0).sum()
    assert error < 0.05  # about 0.006; 1.05 after 20 kimg

"""pix2pix, CycleGAN, DiscoGAN: their losses by hand, D's memory, the rate r, what they are refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from toys import dataset_for, toy_config

from gantune.errors import UserError
from gantune.families import open_family
from gantune.families.base import Batch, Draws, Form
from gantune.families.cyclegan import CycleGANArch, CycleGANHparams
from gantune.families.discogan import DiscoGANHparams, feature_matching
from gantune.families.image_pool import exchange, slots
from gantune.families.pix2pix import Pix2PixHparams
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")
NONE = Draws(torch.empty(1, 0))


def picture(value: float, channels: int = 1) -> torch.Tensor:
    return torch.full((1, channels, 2, 2), value)


class Pair(nn.Module):
    """A player of two nets that are plain functions; by hand, G_ab halves, G_ba adds a tenth."""

    def __init__(self, **nets) -> None:
        super().__init__()
        self.nets = nets

    def forward(self, x, part):
        return self.nets[part](x)


def test_pix2pix_weighs_the_distance_from_the_true_picture() -> None:
    family, batch = open_family("pix2pix"), Batch(picture(0.8), source=picture(0.2))
    seen = []

    def d(x, source):  # the sum of both, so that the order and the partner matter
        seen.append((float(x.mean()), float(source.mean())))
        return x - source

    g = lambda source: source + 0.1  # noqa: E731
    loss, aux = family.d_loss(g, d, batch, NONE, Pix2PixHparams(), {})
    assert seen == [(pytest.approx(0.8), pytest.approx(0.2)), (pytest.approx(0.3), pytest.approx(0.2))]
    assert loss == pytest.approx((math.log1p(math.exp(-0.6)) + math.log1p(math.exp(0.1))) / 2)
    assert aux["d_adv"] == loss
    loss, aux = family.g_loss(g, d, batch, NONE, Pix2PixHparams(l1_weight=10), {})
    assert aux["l1_loss"] == pytest.approx(0.5)
    assert aux["g_adv"] == pytest.approx(math.log1p(math.exp(-0.1)))
    assert loss == pytest.approx(float(aux["g_adv"]) + 5)
    loss, aux = family.g_loss(g, d, batch, NONE, Pix2PixHparams(loss="least_squares", l1_weight=0), {})
    assert loss == pytest.approx(0.81)
    _, aux = family.d_loss(g, d, batch, NONE, Pix2PixHparams(loss="least_squares"), {})
    assert aux["d_adv"] == pytest.approx((0.4**2 + 0.1**2) / 2)
    assert float(aux["d_real"].mean()) == pytest.approx(0.1), "what D calls real lies above 0"


def test_cyclegan_by_hand() -> None:
    family, batch = open_family("cyclegan"), Batch(picture(0.8), source=picture(0.2))
    g = Pair(ab=lambda x: x / 2, ba=lambda x: x + 0.1)  # b' = .1, a' = .9
    d = Pair(a=lambda x: x, b=lambda x: 2 * x)
    hp = CycleGANHparams(pool=0, cycle_weight=10, identity_weight=0.5)
    loss, aux = family.d_loss(g, d, batch, NONE, hp, {})
    on_a, on_b = ((0.2 - 1) ** 2 + 0.9**2) / 2, ((1.6 - 1) ** 2 + 0.2**2) / 2
    assert loss == pytest.approx(on_a + on_b)
    assert aux["d_adv"] == pytest.approx((on_a + on_b) / 2)
    loss, aux = family.g_loss(g, d, batch, NONE, hp, {})
    adversarial = (0.9 - 1) ** 2 + (0.2 - 1) ** 2
    cycle = abs(0.1 + 0.1 - 0.2) + abs(0.9 / 2 - 0.8)
    identity = abs(0.2 + 0.1 - 0.2) + abs(0.8 / 2 - 0.8)  # G_ba(a) against a, G_ab(b) against b
    assert aux["g_adv"] == pytest.approx(adversarial / 2)
    assert aux["cycle_loss"] == pytest.approx(cycle / 2)
    assert loss == pytest.approx(adversarial + 10 * cycle + 5 * identity)


def test_identity_between_grey_and_colour_compares_what_the_generator_is_given() -> None:
    family = open_family("cyclegan")
    red = torch.tensor([0.9, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    batch = Batch(red, source=picture(0.2))
    d = Pair(a=lambda x: x * 0, b=lambda x: x * 0)
    g = Pair(ab=lambda x: torch.cat([3 * x, 0 * x, 0 * x], 1), ba=lambda x: x.mean(1, keepdim=True) + 0.25)
    hp = CycleGANHparams(pool=0, cycle_weight=1, identity_weight=1)
    bare = family.g_loss(g, d, batch, NONE, CycleGANHparams(pool=0, cycle_weight=1, identity_weight=0), {})[0]
    loss, _ = family.g_loss(g, d, batch, NONE, hp, {})
    assert loss - bare == pytest.approx(0.25), "b in grey keeps its grey (0), a in colour comes out .25 brighter"


def test_discogan_by_hand() -> None:
    family, batch = open_family("discogan"), Batch(picture(0.8), source=picture(0.2))
    g = Pair(ab=lambda x: x / 2, ba=lambda x: x + 0.1)  # b' = .1, a' = .9; a'' = .2, b'' = .45
    d = Pair(a=lambda x: (x.mean((1, 2, 3)), 2 * x), b=lambda x: (x.mean((1, 2, 3)), x, 3 * x))
    hp, memo = DiscoGANHparams(), {"r": torch.tensor(0.25)}

    def sp(s: float) -> float:
        return math.log1p(math.exp(s))

    loss, aux = family.d_loss(g, d, batch, NONE, hp, memo)
    expected = (sp(-0.2) + sp(0.9)) / 2 + (sp(-0.8) + sp(0.1)) / 2
    assert loss == pytest.approx(expected)
    assert aux["d_adv"] == pytest.approx(expected / 2)
    loss, aux = family.g_loss(g, d, batch, NONE, hp, memo)
    adversarial = sp(-0.9) + sp(-0.1)
    matching = (2 * 0.7) ** 2 + 0.7**2 + (3 * 0.7) ** 2
    reconstruction = 0.35**2 / 4  # squared, on pixels in [0, 1]
    assert loss == pytest.approx(0.75 * (0.1 * adversarial + 0.9 * matching) + 0.25 * reconstruction)
    assert aux["cycle_loss"] == pytest.approx(0.35 / 2)


def test_feature_matching_is_of_the_mean_over_the_batch() -> None:
    real, fake = torch.tensor([[1.0, 3.0], [3.0, 5.0]]), torch.tensor([[2.0, 4.0], [2.0, 6.0]])
    assert feature_matching([real], [fake]) == pytest.approx(((2 - 2) ** 2 + (4 - 5) ** 2) / 2)


@pytest.mark.parametrize(("kimg", "r"), [(0.0, 0.01), (319.9, 0.01), (320.0, 0.5), (1000.0, 0.5)])
def test_r_rises_at_its_kimg(kimg: float, r: float) -> None:
    family, hp = open_family("discogan"), DiscoGANHparams()
    memo = family.memo(None, hp, Form((1, 16, 16), source=(1, 16, 16)))
    assert memo["r"] == pytest.approx(0.01)
    family.remember(memo, {}, hp, kimg)
    assert memo["r"] == pytest.approx(r)


def test_discogan_takes_one_d_step_and_two_g_steps() -> None:
    trainer = Trainer(toy_config("discogan", "domains"), dataset_for("domains"), CPU)
    trainer.train_to(0.09)
    assert (trainer.d_steps, trainer.g_steps) == (3, 6)


def test_the_pool_fills_then_exchanges() -> None:
    def batch(*values: float) -> torch.Tensor:
        return torch.tensor(values).view(-1, 1, 1, 1)

    pool, heads, tails = torch.zeros(3, 1, 1, 1), torch.zeros(2), torch.ones(2)
    none = torch.tensor(0)
    shown, pool = exchange(pool, none, batch(1, 2), heads, torch.tensor([0, 1]))
    assert shown.flatten().tolist() == [1, 2], "what enters a free place is shown itself"
    assert pool.flatten().tolist() == [1, 2, 0]
    shown, pool = exchange(pool, none + 2, batch(3, 4), heads, torch.tensor([2, 1]))
    assert shown.flatten().tolist() == [3, 2], "the last free place is taken, then a place changes hands"
    assert pool.flatten().tolist() == [1, 4, 3]
    shown, same = exchange(pool, none + 3, batch(5, 6), tails, torch.tensor([0, 1]))
    assert shown.flatten().tolist() == [5, 6]
    assert torch.equal(same, pool)
    shown, pool = exchange(pool, none + 3, batch(7, 8), torch.tensor([0.4, 0.6]), torch.tensor([2, 0]))
    assert shown.flatten().tolist() == [3, 8]
    assert pool.flatten().tolist() == [1, 4, 7]
    shown, same = exchange(pool, none + 3, batch(9, 9.5), heads, torch.tensor([-1, 0]))
    assert shown.flatten().tolist() == [9, 1], "a slot of -1 leaves a picture as it is"


def test_places_in_the_pool_are_never_shared() -> None:
    draws = torch.Generator().manual_seed(0)
    for n, size in ((4, 50), (50, 50), (64, 50), (3, 1)):
        places = slots(n, size, draws)
        real = places[places >= 0]
        assert len(places) == n
        assert len(real) == min(n, size) == len(real.unique())
        assert real.max() < size


def test_d_meets_pictures_of_earlier_steps_again_only_while_training() -> None:
    trainer = Trainer(toy_config("cyclegan", "domains", pool=30, features=2), dataset_for("domains"), CPU)
    trainer.train_to(0.02)
    assert trainer.memo["filled"] == 20
    trainer.train_to(0.06)
    assert trainer.memo["filled"] == 30
    assert (trainer.memo["pool_b"].flatten(1).std(1) > 0).all(), "every place holds a picture"
    reading = trainer.heldout(100, 0)["d_loss"]
    trainer.memo["pool_a"].fill_(1)
    trainer.memo["pool_b"].fill_(1)
    assert trainer.heldout(100, 0)["d_loss"] == reading, "the held-out reading is of fresh translations"


@pytest.mark.parametrize("name", ["cyclegan", "discogan"])
def test_translations_go_both_ways_and_are_measured_on_their_round_trip(name: str) -> None:
    trainer = Trainer(toy_config(name, "domains", features=2), dataset_for("domains"), CPU)
    given = trainer.conditions(8, 0, "report")
    samples = trainer.sample_given(given, 0)
    assert samples.x.shape == (8, 3, 16, 16)
    assert samples.back.shape == (8, 1, 16, 16)
    trainer.g.eval()
    with torch.no_grad():
        a = (trainer.g(samples.x, part="ba") - given.source).abs().mean((1, 2, 3))
        b = (trainer.g(samples.back, part="ab") - given.x).abs().mean((1, 2, 3))
    assert torch.allclose(samples.cycle, (a + b) / 2, atol=1e-5)


def test_a_source_has_one_translation_although_g_drops_out_in_training() -> None:
    trainer = Trainer(toy_config("pix2pix", "pairs", dropout=0.5), dataset_for("pairs"), CPU)
    assert torch.equal(trainer.sample(8, 1).x, trainer.sample(8, 1).x)
    given = trainer.conditions(8, 1, "report")
    trainer.g.train()
    with torch.no_grad():
        assert not torch.equal(trainer.g(given.source), trainer.g(given.source))


@pytest.mark.parametrize(("name", "value"), [("pix2pix", math.log(2)), ("cyclegan", 0.25), ("discogan", math.log(2))])
def test_an_undecided_d_reads_the_equilibrium_value(name: str, value: float) -> None:
    family, config = open_family(name), toy_config(name, "pairs")
    half = 0.5 if name == "cyclegan" else 0.0

    class Undecided(nn.Module):
        def forward(self, x, *more, part=None):
            flat = torch.full((len(x),), half)
            return (flat, flat) if name == "discogan" else flat

    batch, g = Batch(picture(0.1), source=picture(0.3)), (lambda x, part=None: x)
    draws = Draws(torch.empty(1, 0))
    _, aux = family.d_loss(g, Undecided().eval(), batch, draws, config.hparams, {"r": torch.tensor(0.5)})
    assert aux["d_adv"] == pytest.approx(value)
    assert family.equilibrium(config.hparams).value == pytest.approx(value)


def test_what_does_not_fit_is_refused_with_a_way_out() -> None:
    with pytest.raises(UserError, match=r"pix2pix needs pairs of pictures.*mnist5k_edges"):
        toy_config("pix2pix", "domains").check_fits(dataset_for("domains").form)
    with pytest.raises(UserError, match=r"cyclegan needs pictures of two domains.*mnist5k_twins"):
        toy_config("cyclegan", "images").check_fits(dataset_for("images").form)
    small = Form((1, 16, 16), source=(1, 16, 16), paired=True)
    for name in ("pix2pix", "cyclegan"):
        with pytest.raises(UserError, match=r"patch_layers=3 takes pictures of 24 pixels or more, got 16. Set patch_layers=2"):
            toy_config(name, "pairs", patch_layers=3).check_fits(small)
    with pytest.raises(UserError, match="augment=all cannot be used"):
        toy_config("cyclegan", "domains", augment="all").check_fits(dataset_for("domains").form)
    mixed = Form((3, 32, 32), source=(2, 32, 32))
    with pytest.raises(UserError, match="have 2 and 3 channels"):
        open_family("cyclegan").check(CycleGANArch(), CycleGANHparams(), mixed)
    open_family("cyclegan").check(CycleGANArch(), CycleGANHparams(identity_weight=0), mixed)

"""The training loop against closed forms: what a step does, what it costs, what is measured."""

from __future__ import annotations

import math

import pytest
import torch
from toys import dataset_for, toy_config

from gantune.data import to_unit
from gantune.families.base import Batch
from gantune.training.seeds import generator
from gantune.training.trainer import Trainer

CPU = torch.device("cpu")


def trainer_of(name: str = "gan", kind: str = "points", **values: object) -> Trainer:
    return Trainer(toy_config(name, kind, **values), dataset_for(kind), CPU)


@pytest.mark.parametrize(
    ("values", "d_steps", "g_steps"),
    [({}, 10, 10), ({"k": 3}, 15, 5), ({"k": 1, "g_steps": 2}, 7, 14), ({"d_warmup": 0.1}, 15, 5), ({"k": {0: 4, 0.1: 1}}, 13, 7)],
)
def test_a_budget_buys_steps_of_either_player_at_one_price(values: dict, d_steps: int, g_steps: int) -> None:
    """0.2 kimg at batch 20 are 20 steps in all, whatever k is (a cycle that has begun is finished)."""
    trainer = trainer_of(**values)
    trainer.train_to(0.2)
    assert (trainer.d_steps, trainer.g_steps) == (d_steps, g_steps)
    assert trainer.kimg == pytest.approx((trainer.d_images + trainer.g_images) / 2000)


@pytest.mark.parametrize(("lr_g", "lr_ratio"), [(1e-3, 1.0), (1e-3, 0.1), (5e-2, 0.2)])
def test_searched_rates_are_the_rates_of_the_very_first_step(lr_g: float, lr_ratio: float) -> None:
    """Plain SGD moves a weight by rate × gradient, from the first step on."""
    trainer = trainer_of(optimiser="sgd", lr_g=lr_g, lr_ratio=lr_ratio)
    for step, player, rate in ((trainer.d_step, trainer.d, lr_g * lr_ratio), (trainer._g_step, trainer.g, lr_g)):
        before = [weight.detach().clone() for weight in player.parameters()]
        step()
        moved = torch.cat([(old - weight).flatten() for weight, old in zip(player.parameters(), before, strict=True)]).detach()
        gradient = torch.cat([weight.grad.detach().flatten() for weight in player.parameters()])
        assert float(moved @ gradient / (gradient @ gradient)) == pytest.approx(rate, rel=1e-2)


def test_decayed_rates_reach_the_optimisers() -> None:
    trainer = trainer_of(lr_g=1e-3, lr_ratio=0.5, lr_decay="linear", lr_decay_kimg=0.4)
    trainer.train_to(0.22)
    assert trainer.opt_g.param_groups[0]["lr"] == pytest.approx(1e-3 * (1 - 0.2 / 0.4))
    assert trainer.opt_d.param_groups[0]["lr"] == pytest.approx(5e-4 * (1 - 0.2 / 0.4))


def test_signals_are_means_over_the_steps_since_the_last_report() -> None:
    """With rates of almost nothing D never changes, so that the reported loss is the mean over the very batches it saw."""
    trainer = trainer_of(lr_g=1e-12, batch=20)
    probe = trainer_of(lr_g=1e-12, batch=20)
    losses, right = [], []
    with torch.no_grad():
        for step in range(5):
            batch = probe.batches(step)
            draws = probe.draw(20, probe.draws)
            loss, aux = probe.family.d_loss(probe.g, probe.d, batch, draws, probe.config.hparams, {})
            losses.append(float(loss))
            right.append(float((aux["d_real"] > 0).float().mean()))
            probe.draw(20, probe.draws)  # the generator's step
    trainer.train_to(0.1)
    signals = trainer.signals()
    assert signals["d_loss"] == pytest.approx(sum(losses) / 5, rel=1e-5)
    assert signals["d_acc_real"] == pytest.approx(sum(right) / 5, rel=1e-5)
    assert signals["kimg"] == 0.1
    assert signals["images"] == 100
    trainer.train_to(0.2)
    assert trainer.signals()["d_steps"] == 10


def test_each_g_step_of_a_round_has_a_batch_of_its_own() -> None:
    trainer = trainer_of(g_steps=2)
    asked: list[int] = []
    batches = trainer.batches

    def noting(number: int) -> Batch:
        asked.append(number)
        return batches(number)

    trainer.batches = noting  # type: ignore[assignment]  # the one method that the trainer uses
    trainer.train_to(0.05)
    assert asked[:6] == [0, 1, 2, 1, 2, 3]


def test_without_generator_steps_there_is_no_generator_loss() -> None:
    trainer = trainer_of(d_warmup=1)
    trainer.train_to(0.1)
    signals = trainer.signals()
    assert "g_loss" not in signals
    assert math.isfinite(signals["d_loss"])


def test_weight_average_has_its_half_life() -> None:
    """With the live generator frozen at new weights, the distance halves every `ema_kimg`."""
    trainer = trainer_of(ema_kimg=0.1)
    assert trainer.average is not None
    start = [weight.clone() for weight in trainer.average.net.parameters()]
    with torch.no_grad():
        for weight in trainer.g.parameters():
            weight.add_(1.0)
    for _ in range(4):
        trainer.average.update(trainer.g, 0.05)
    for old, now in zip(start, trainer.average.net.parameters(), strict=True):
        assert torch.allclose(now, old + 0.75, atol=1e-5)


def test_samples_of_averaged_weights_use_recalibrated_statistics() -> None:
    trainer = trainer_of("dcgan", "images", ema_kimg=0.05)
    trainer.train_to(0.3)
    net = trainer.sampler()
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    seen = {}
    norms[0].register_forward_pre_hook(lambda module, args: seen.update(x=args[0]))
    net.train()
    net(trainer.draw(2000, torch.Generator().manual_seed(5)).z)
    mean = seen["x"].mean((0, 2, 3))
    trainer.sampler()
    spread = seen["x"].std((0, 2, 3)).mean()
    assert (norms[0].running_mean - mean).abs().max() < 0.1 * spread
    assert trainer.batch_norm_mode == "recalibrated"


def test_heldout_loss_is_that_of_evaluation_mode_on_heldout_data_and_moves_nothing() -> None:
    trainer = trainer_of("dcgan", "images")
    trainer.train_to(0.2)
    before = {name: value.clone() for name, value in trainer.d.state_dict().items()}
    draws_before = trainer.draws.get_state()
    reading = trainer.heldout(100, seed=1)["d_loss"]
    assert trainer.heldout(100, seed=1)["d_loss"] == reading
    assert all(torch.equal(value, before[name]) for name, value in trainer.d.state_dict().items())
    assert torch.equal(draws_before, trainer.draws.get_state())
    assert trainer.d.training
    trainer.d.eval()
    trainer.g.eval()
    draws = trainer.draw(100, generator(CPU, 1, "heldout"))
    with torch.no_grad():
        batch = Batch(to_unit(trainer.dataset.heldout[:100]))
        _, aux = trainer.family.d_loss(trainer.g, trainer.d, batch, draws, trainer.config.hparams, {})
    assert reading == pytest.approx(float(aux["d_adv"]), rel=1e-5)


def test_instance_noise_reaches_both_kinds_of_input_and_fades() -> None:
    """What D sees beside the data themselves and G's own output, in D's steps and in G's, at the start and half way."""
    trainer = trainer_of(noise=0.8, noise_kimg=2.0, k=1)
    seen: list[torch.Tensor] = []
    made: list[torch.Tensor] = []
    trainer.d.register_forward_pre_hook(lambda module, args: seen.append(args[0].detach()))
    trainer.g.register_forward_hook(lambda module, args, out: made.append(out.detach()))
    for kimg, expected in ((0.0, 0.8), (1.0, 0.4)):
        trainer.train_to(kimg)
        seen.clear()
        made.clear()
        first = trainer.d_steps
        trainer.train_to(trainer.kimg + 0.2 - 1e-9)
        real = [trainer.batches(number).x for number in range(first, trainer.d_steps)]
        on_real, on_fake, in_g_step = (torch.cat(seen[start::3]) for start in range(3))
        for difference in (on_real - torch.cat(real), on_fake - torch.cat(made[0::2]), in_g_step - torch.cat(made[1::2])):
            assert float(difference.std()) == pytest.approx(expected, rel=0.15)


def test_recalibration_draws_nothing_from_the_process_and_sees_training_pictures() -> None:
    config = toy_config("pix2pix", "pairs", ema_kimg=0.05, dropout=0.5, g_norm="batch")
    samples = []
    for outside in (1, 2):
        trainer = Trainer(config, dataset_for("pairs"), CPU)
        trainer.train_to(0.1)
        torch.manual_seed(outside)
        before = torch.get_rng_state()
        samples.append(trainer.sample(10, 0).x)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*samples)
    rounds = [trainer.conditions.for_statistics(50, number) for number in (0, 1)]
    assert not torch.equal(rounds[0].x, rounds[1].x)
    training = to_unit(trainer.dataset.train).flatten(1)
    assert all(bool((training == picture.flatten()).all(1).any()) for picture in rounds[0].x[:5])
    assert torch.equal(rounds[0].source, -rounds[0].x), "partners stay together"


def test_bf16_trains_close_to_float32() -> None:
    losses = []
    for precision in ("float32", "bf16"):
        trainer = trainer_of("dcgan", "images", precision=precision)
        trainer.train_to(0.2)
        losses.append(trainer.signals()["d_loss"])
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.2)


@pytest.mark.parametrize(
    ("name", "values"), [("gan", {"lr_g": 2e-3}), ("wgan_gp", {"lr_g": 1e-3, "lr_ratio": 2, "k": 3, "penalty_weight": 0.1})]
)
def test_learns_two_blobs(name: str, values: dict) -> None:
    """Mean and covariance of the averaged generator's samples come near the data's; with a generator loss of wrong sign they do not."""
    trainer = trainer_of(name, "points", batch=64, hidden=64, layers=2, ema_kimg=5, **values)
    real = trainer.dataset.train

    def distance() -> float:
        fake = trainer.sample(1000, 3).x
        return float((fake.mean(0) - real.mean(0)).norm() + (fake.T.cov() - real.T.cov()).norm())

    before = distance()
    trainer.train_to(60)
    assert distance() < before / 3


def test_dcgan_learns_two_squares() -> None:
    """Samples come to resemble one of the two kinds of image each, and both kinds appear."""
    trainer = trainer_of("dcgan", "images", lr_g=2e-3, features=8)
    trainer.train_to(8)
    fake = trainer.sample(200, 3).x
    upper, lower = fake[:, 0, 2:8, 2:8].mean((1, 2)), fake[:, 0, 8:14, 8:14].mean((1, 2))
    background = fake[:, 0, :2].mean()
    assert background < -0.6
    assert ((upper - lower).abs() > 0.7).float().mean() > 0.8
    assert 0.1 < (upper > lower).float().mean() < 0.9


def test_d_is_seen_in_the_mode_it_is_in() -> None:
    """A family may ask D whether it is trained or read (CycleGAN's D remembers pictures only in training)."""
    modes: list[bool] = []
    trainer = trainer_of("dcgan", "images")
    original = trainer.family.d_loss

    def noted(g, d, *rest):
        modes.append(d.training)
        return original(g, d, *rest)

    trainer.family.d_loss = noted
    trainer.d_step()
    trainer.heldout(20, 0)["d_loss"]
    trainer.d_step()
    assert modes == [True, False, True]

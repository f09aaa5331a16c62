"""Each rule's table: what a trial does → the kimg at which it is stopped, and why. Reports come each 4 kimg of 60."""

from __future__ import annotations

import math

import numpy as np
import pytest
from trial_curves import BCE, CRITIC, HINGE, LEAST_SQUARES, LN2, Shape, first_stop, reports, stopped

from gantune.families.base import Equilibrium

FLAT: dict[str, Shape] = {"fid": lambda t: 300.0}
WON: dict[str, Shape] = {
    "d_loss": lambda t: 1e-3,
    "d_loss_heldout": lambda t: 2e-3,
    "d_acc_real": lambda t: 1.0,
    "d_acc_fake": lambda t: 1.0,
    "logit_spread": lambda t: 20.0,
    "logit_std": lambda t: 10.5,
}
SILENT: dict[str, Shape] = {
    "d_loss": lambda t: LN2,
    "d_loss_heldout": lambda t: LN2,
    "d_acc_real": lambda t: 0.5,
    "d_acc_fake": lambda t: 0.5,
    "logit_spread": lambda t: 1e-6,
    "logit_std": lambda t: 1e-5,
}
CHANCE: dict[str, Shape] = {
    "d_loss": lambda t: LN2 - 0.005,
    "d_loss_heldout": lambda t: LN2 + 0.004,
    "logit_spread": lambda t: 0.1,
    "logit_std": lambda t: 0.5,
}
LEARNT: dict[str, Shape] = {"d_loss": lambda t: LN2 - 0.3 * math.exp(-t / 5), "d_loss_heldout": lambda t: LN2 - 0.3 * math.exp(-t / 5)}
NO_MODES: dict[str, Shape] = {"recall": lambda t: 0.0, "coverage": lambda t: 0.01}
SLOW_FID = (148.65, 172.73, 155.21, 151.39, 166.46, 156.99, 117.36, 115.19, 79.1, 66.05, 52.91, 45.2, 34.35, 33.37, 30.17)
SLOW_KIMG = 32
# Measured, DCGAN on mnist5k: a D whose rate is a 55th of G's, outrun at first and back at chance when G begins to draw digits ...
OUTRUN_D = (1.62, 1.65, 1.29, 1.07, 0.895, 0.809, 0.768, 0.754, 0.718, 0.685, 0.697, 0.645, 0.668, 0.689, 0.684)
OUTRUN_HELDOUT = (0.799, 0.739, 1.25, 1.01, 0.911, 0.908, 0.802, 0.778, 0.721, 0.674, 0.727, 0.686, 0.712, 0.732, 0.738)
OUTRUN_FID = (468, 659, 723, 842, 302, 487, 229, 166, 80.2, 106, 74.3, 82.4, 51.8, 42.9, 45.0)
# ... and a trial whose FID rests for 12 kimg while its recall begins to come: it ends at 17.7.
RISING_RECALL = (0, 0, 0, 0.0065, 0, 0.00025, 0.0005, 0.00075, 0.003, 0.014, 0.007, 0.119, 0.213, 0.237, 0.117)
RISING_FID = (214, 144, 177, 126, 65.6, 51.5, 41.1, 41.3, 46.8, 50.6, 30.5, 22.0, 24.1, 17.7, 26.4)
# ... and one that scores like noise for 36 kimg, a little better by chance on its way.
LATE_FID = (161, 140, 157, 211, 183, 161, 167, 137, 121, 87.8, 60.1, 30.4, 26.0, 20.5, 17.7)


def measured(values: tuple[float, ...]) -> Shape:
    return lambda t: values[round(t / 4) - 1]


SLOW = (44, "plateau")  # a trial that has not left its first value for 0.7 of the budget
INFOGAN_FID = (149.2, 191.1, 218.0, 263.9, 249.1, 184.4, 192.6, 176.5, 149.9, 123.7, 91.0, 69.4, 47.1, 44.2, 34.5)
SLOW_START: dict[str, Shape] = {  # measured: mnist5k, 32 × 32, features 16, canonical rates
    "fid": lambda t: SLOW_FID[round(t / 4) - 1],
    "precision": lambda t: 0.0 if t <= SLOW_KIMG else 0.2,
    "recall": lambda t: 0.0 if t <= SLOW_KIMG else 0.1,
    "coverage": lambda t: 0.0 if t <= SLOW_KIMG else 0.03,
}
MIXTURE: dict[str, Shape] = {"recall": lambda t: None, "coverage": lambda t: None}
ACCURATE: dict[str, Shape] = {"d_acc_real": lambda t: 1.0, "d_acc_fake": lambda t: 1.0}
STEP_DOWN: dict[str, Shape] = {"fid": lambda t: 300.0 if t <= 8 else 150.0}

TABLE = {
    # nothing to stop
    "healthy, d_loss far below ln 2": ({}, None),
    "falling FID with d_loss at ln 2 all along": (CHANCE, None),
    "falling FID with D perfect": (WON, None),
    "FID falls at last by 3 percent each 8 kimg": ({"fid": lambda t: 100 * 0.97 ** (t // 8)}, None),
    "FID on its way back to its best": ({"fid": lambda t: 40.0 if t <= 4 else 200 * math.exp(-t / 30)}, None),
    "falling FID without diversity": (NO_MODES, None),
    # NaN and explosions
    "NaN loss": ({"d_loss": lambda t: math.nan if t >= 20 else 0.1}, (20, "diverged")),
    "NaN gradient": ({"g_grad_norm": lambda t: math.nan if t >= 8 else 1.0}, (8, "diverged")),
    "infinite FID for long": ({"fid": lambda t: math.inf if t >= 20 else 300 - t}, (28, "diverged")),
    "one NaN FID": ({"fid": lambda t: math.nan if t == 20 else 20 + 300 * math.exp(-t / 25)}, None),
    "exploding g_loss": ({"g_loss": lambda t: 1e5 if t >= 20 else 2.0}, (28, "diverged")),
    "g_loss huge in the first report alone": ({"g_loss": lambda t: 1e7 if t == 4 else 2.0}, None),
    "one spike of g_loss": ({"g_loss": lambda t: 1e7 if t == 20 else 2.0}, None),
    "exploding gradient": ({"d_grad_norm": lambda t: 1e7 if t >= 20 else 2.0}, (28, "diverged")),
    # the discriminator
    "D silent from the start": (SILENT | FLAT, (16, "d_dead")),
    "D without gradient at ln 2": (CHANCE | FLAT | {"d_grad_norm": lambda t: 1e-7, "c2st_loss": lambda t: None}, (16, "d_dead")),
    "D at ln 2 from the start, a fresh classifier separates": (CHANCE | FLAT, (16, "d_dead")),
    "D outrun, a fresh classifier separates": (FLAT | {"d_loss": lambda t: 2.3, "d_loss_heldout": lambda t: 2.4}, (16, "d_dead")),
    "D outrun, on its way back to chance": (
        {"d_loss": measured(OUTRUN_D), "d_loss_heldout": measured(OUTRUN_HELDOUT), "fid": measured(OUTRUN_FID)}
        | {"c2st_loss": lambda t: 0.001, "recall": lambda t: 0.0, "coverage": lambda t: 0.001, "precision": lambda t: 0.0},
        None,
    ),
    "D over-confident: worse than chance on held-out data, ahead in training": (FLAT | {"d_loss_heldout": lambda t: 2.4}, SLOW),
    "D at ln 2 from the start, a fresh classifier cannot separate": (CHANCE | FLAT | {"c2st_loss": lambda t: 0.68}, SLOW),
    "D won, quality flat": (WON | FLAT, (16, "d_won")),
    "D won, quality stalls later": (WON | STEP_DOWN, (24, "d_won")),
    "D won once with a spike within": (WON | STEP_DOWN | {"d_acc_fake": lambda t: 0.9 if t == 24 else 1.0}, (32, "plateau")),
    "D ahead as good DCGANs have it, quality flat": (FLAT, SLOW),
    "G's gradient vanished": (WON | STEP_DOWN | {"d_loss": lambda t: 0.1, "g_grad_norm": lambda t: 1e-6}, (24, "d_won")),
    # the generator
    "collapsed": (NO_MODES | FLAT, (24, "mode_collapse")),
    "collapsed onto one realistic picture": (NO_MODES | FLAT | {"precision": lambda t: 1.0}, (24, "mode_collapse")),
    "noise so far, which covers nothing either": (NO_MODES | FLAT | {"precision": lambda t: 0.0}, SLOW),
    "a canonical DCGAN's slow start": (SLOW_START, None),
    "a canonical InfoGAN that first gets worse": (SLOW_START | {"fid": lambda t: INFOGAN_FID[round(t / 4) - 1]}, None),
    "a late start after better noise": (SLOW_START | {"fid": measured(LATE_FID)}, None),
    "collapsed for a while at the start": (
        {"recall": lambda t: 0.0 if t < 24 else 0.3, "coverage": lambda t: 0.0 if t < 24 else 0.3},
        None,
    ),
    "recall that begins to come while FID rests": (
        {"recall": measured(RISING_RECALL), "fid": measured(RISING_FID), "coverage": lambda t: 0.01, "precision": lambda t: 0.15},
        None,
    ),
    "collapsed late": (
        {"recall": lambda t: 0.3 if t < 30 else 0.0, "coverage": lambda t: 0.3 if t < 30 else 0.0, "fid": lambda t: 60 if t > 4 else 300},
        (28, "plateau"),
    ),
    "one mode of eight": (MIXTURE | FLAT | {"modes": lambda t: 1, "hq_share": lambda t: 0.9}, (24, "mode_collapse")),
    "no mode hit at all": (MIXTURE | FLAT | {"modes": lambda t: 0, "hq_share": lambda t: 0.0}, SLOW),
    # settled
    "learnt, then settled, quality stalled": (LEARNT | {"fid": lambda t: 20 + 300 * math.exp(-t / 4)}, (40, "equilibrium")),
    "learnt, then settled, quality falling": (LEARNT, None),
    "settled while the noise changes": (LEARNT | FLAT | {"noise": lambda t: 0.1 - t / 1000}, SLOW),
    "quality stalled": ({"fid": lambda t: 20 + 300 * math.exp(-t / 4)}, (48, "plateau")),
}


@pytest.mark.parametrize("name", TABLE)
def test_where_and_why_a_trial_is_stopped(name: str) -> None:
    shapes, expected = TABLE[name]
    assert first_stop(reports(shapes)) == expected


@pytest.mark.parametrize("seed", range(10))
def test_noise_is_taken_for_no_recovery(seed: int) -> None:
    """A D that stays outrun, and a generator that stays collapsed, with noise on what the rules read, are stopped when they should be."""
    source = np.random.default_rng(seed)
    loss, recall = source.normal(2.3, 0.05, 15), source.uniform(0, 0.01, 15)
    outrun = FLAT | {"d_loss": lambda t: loss[round(t / 4) - 1], "d_loss_heldout": lambda t: 2.4}
    assert first_stop(reports(outrun)) == (16, "d_dead")
    collapsed = FLAT | {"recall": lambda t: recall[round(t / 4) - 1], "coverage": lambda t: 0.01}
    assert first_stop(reports(collapsed)) == (24, "mode_collapse")


@pytest.mark.parametrize("equilibrium", [LEAST_SQUARES, HINGE, Equilibrium(-1.0, 3.0)])
def test_the_readings_hold_for_other_equilibria_and_scales(equilibrium: Equilibrium) -> None:
    def moved(shape: Shape) -> Shape:
        return lambda t: equilibrium.value + (shape(t) - LN2) / LN2 * equilibrium.scale

    for name in (
        "D at ln 2 from the start, a fresh classifier separates",
        "D won, quality stalls later",
        "learnt, then settled, quality stalled",
    ):
        shapes, expected = TABLE[name]
        elsewhere = shapes | {loss: moved(shapes[loss]) for loss in ("d_loss", "d_loss_heldout")}
        assert first_stop(reports(elsewhere), equilibrium) == expected, name


def test_a_critic_far_ahead_is_not_stopped_while_quality_improves_and_plateaus_like_any_other() -> None:
    critic = {
        "d_loss": lambda t: -20 * math.exp(-t / 30),
        "d_loss_heldout": lambda t: 0.0,
        "d_acc_real": lambda t: 1.0,
        "d_acc_fake": lambda t: 1.0,
    }
    assert first_stop(reports(critic), CRITIC) is None
    assert first_stop(reports(critic | FLAT), CRITIC) == SLOW
    assert first_stop(reports(SILENT | FLAT), CRITIC) == (16, "d_dead")


@pytest.mark.parametrize("seed", range(20))
def test_noise_stops_no_improving_trial(seed: int) -> None:
    random = np.random.default_rng(seed)
    noisy: dict[str, Shape] = {
        "fid": lambda t: (15 + 300 * math.exp(-t / 20)) * random.normal(1, 0.08),
        "d_loss": lambda t: abs(random.normal(0.1, 0.08)),
        "d_loss_heldout": lambda t: random.normal(0.3, 0.3),
        "d_acc_real": lambda t: min(1.0, random.normal(0.97, 0.03)),
        "d_acc_fake": lambda t: min(1.0, random.normal(0.97, 0.03)),
    }
    assert first_stop(reports(noisy)) is None


@pytest.mark.parametrize("missing", ["fid", "d_loss_heldout", "c2st_loss", "recall", "logit_std", "d_acc_fake", "d_grad_norm", "d_loss"])
def test_a_signal_that_is_never_measured_or_rarely_fools_no_rule(missing: str) -> None:
    assert first_stop(reports({missing: lambda t: None})) is None
    rarely = reports({})
    for point in rarely[1::3]:
        point.pop(missing)
    assert first_stop(rarely) is None


def test_without_quality_only_divergence_speaks() -> None:
    assert first_stop(reports(WON | {"fid": lambda t: None})) is None
    assert first_stop(reports(SILENT | {"fid": lambda t: None})) is None
    assert first_stop(reports({"fid": lambda t: None, "g_loss": lambda t: math.nan})) == (4, "diverged")


def test_a_warm_up_of_d_alone_is_no_stall_of_the_generator() -> None:
    warm = WON | {"g_images": lambda t: 0 if t <= 32 else 1000, "fid": lambda t: 300 if t <= 36 else 300 * math.exp(-(t - 36) / 20)}
    assert first_stop(reports(warm)) is None


def test_evidence_names_figures_that_can_be_checked() -> None:
    verdict, _ = stopped(reports(WON | STEP_DOWN))
    assert verdict.evidence == "d_loss 0.001, D right on 100.0% for 15 kimg, fid not improving (best 150)"


def test_options_and_larger_is_better() -> None:
    assert first_stop(reports(STEP_DOWN), BCE, [{"plateau": {"patience_kimg": 40}}]) == (52, "plateau")
    assert first_stop(reports(FLAT), BCE, [{"plateau": {"slow_start_kimg": 40}}]) == (40, "plateau")
    assert first_stop(reports({"fid": lambda t: 100 * 0.99 ** (t // 8)}), BCE, [{"plateau": {"improvement": 0.0}}]) is None

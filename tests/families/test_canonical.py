"""Every family's canonical setting as its authors give it, and its equilibrium with the scale of distances from it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from toys import dataset_for, toy_config

from gantune.families import FAMILIES, open_family
from gantune.losses import DIVERGENCES

LN2 = math.log(2)
# Each with its source in the family's file.
CANONICAL: dict[str, dict[str, Any]] = {
    "gan": {"net": "mlp", "lr_g": 2e-4, "beta1": 0.5, "batch": 100, "latent_dim": 100, "k": 1},
    "dcgan": {"lr_g": 2e-4, "lr_ratio": 1, "beta1": 0.5, "batch": 64, "latent_dim": 100, "features": 64, "k": 1},
    "cgan": {"lr_g": 2e-4, "lr_ratio": 1, "beta1": 0.5, "batch": 64, "latent_dim": 100},
    "wgan": {"optimiser": "rmsprop", "lr_g": 5e-5, "lr_ratio": 1, "k": 5, "batch": 64, "clip": 0.01},
    "wgan_gp": {"penalty": "gp", "penalty_weight": 10, "lr_g": 1e-4, "beta1": 0.5, "beta2": 0.9, "k": 5, "batch": 64, "d_norm": "none"},
    "noise_gan": {"noise": 0.1, "lr_g": 2e-4, "beta1": 0.5},
    "lsgan": {"lr_g": 1e-3, "lr_ratio": 1, "beta1": 0.5, "batch": 64},
    # 2e-4 of the L1 distance summed over 64 x 64 x 3, here of its mean
    "ls_gan": {"lr_g": 1e-4, "beta1": 0.5, "batch": 64, "latent_dim": 100, "gap_weight": 2e-4 * 64 * 64 * 3, "real_weight": 0},
    "hinge_gan": {"spectral_norm": True, "lr_g": 2e-4, "beta1": 0, "beta2": 0.9, "k": 5, "batch": 64},
    "dragan": {"penalty": "dragan", "penalty_weight": 10, "lr_g": 2e-4, "beta1": 0.5, "k": 1, "d_norm": "none"},
    "ebgan": {"lr_g": 1e-3, "margin": 10, "pt_weight": 0.1},
    "began": {"lr_g": 8e-5, "beta1": 0.5, "beta2": 0.999, "batch": 16, "diversity": 0.5, "balance_rate": 1e-3, "latent_dim": 64}
    | {"lr_decay": "halving", "lr_decay_kimg": 1600},
    "fgan": {"lr_g": 2e-4, "lr_ratio": 1, "beta1": 0.5, "batch": 64},
    "infogan": {"lr_g": 1e-3, "lr_ratio": 0.2, "beta1": 0.5, "batch": 128, "latent_dim": 62, "categories": 10, "continuous": 2}
    | {"mi_weight": 1, "mi_weight_continuous": 1},
    "bigan": {"lr_g": 2e-4, "beta1": 0.5, "batch": 128, "weight_decay": 2.5e-5, "latent_dim": 50},
    "irgan": {"optimiser": "sgd", "lr_g": 1e-3, "lr_ratio": 1, "batch": 8, "temperature": 0.2, "weight_decay": 0.01},
    "pix2pix": {"lr_g": 2e-4, "beta1": 0.5, "batch": 1, "l1_weight": 100, "dropout": 0.5},
    "cyclegan": {"lr_g": 2e-4, "beta1": 0.5, "batch": 1, "cycle_weight": 10, "identity_weight": 0.5, "pool": 50, "loss": "least_squares"},
    "discogan": {"lr_g": 2e-4, "beta1": 0.5, "beta2": 0.999, "weight_decay": 1e-5, "batch": 64, "k": 1, "g_steps": 2}
    | {"matching": 0.9, "rate": 0.5, "rate_start": 0.01, "rate_kimg": 10_000 * 64 / 2000},  # a step is of either player
}
UNIFORM_Z = {"gan", "ls_gan", "began", "infogan", "bigan"}
# p = q, and how far from it a D can get that separates perfectly; None: no such value, or no such distance.
EQUILIBRIUM: dict[str, tuple[float, float | None] | None] = {
    **dict.fromkeys(("gan", "dcgan", "cgan", "noise_gan", "infogan", "bigan", "irgan", "pix2pix", "discogan"), (LN2, LN2)),
    **dict.fromkeys(("lsgan", "cyclegan"), (0.25, 0.25)),
    **dict.fromkeys(("wgan", "wgan_gp"), (0.0, None)),
    **dict.fromkeys(("ls_gan", "dragan", "began"), None),
    "hinge_gan": (2.0, 2.0),
    "ebgan": (10.0, 10.0),
    "fgan": (2 * LN2, 2 * LN2),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_canonical_setting_is_the_authors(name: str) -> None:
    config = toy_config(name, "queries" if name == "irgan" else "points" if name == "gan" else "images")
    canonical = {
        **{key: value for key, value in config.flat().items() if key not in open_family(name).canonical},
        **open_family(name).canonical,
    }
    assert {key: canonical[key] for key in CANONICAL[name]} == pytest.approx(CANONICAL[name])


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in ("irgan", "pix2pix", "cyclegan", "discogan")])
def test_z_is_drawn_as_the_authors_draw_it(name: str) -> None:
    config, form = toy_config(name, "images"), dataset_for("images").form
    z = config.family.draw(config.arch, config.hparams, form, 500, torch.Generator().manual_seed(0)).z
    assert z.mean().abs() < 0.1
    assert (float(z.abs().max()) <= 1) == (name in UNIFORM_Z)
    assert float(z.std()) == pytest.approx(1 / math.sqrt(3) if name in UNIFORM_Z else 1, rel=0.05)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_equilibrium_and_its_scale(name: str) -> None:
    family = open_family(name)
    hp = family.Hparams(**{key: value for key, value in family.canonical.items() if key in family.Hparams.__dataclass_fields__})
    found = family.equilibrium(hp)
    assert (None if found is None else (found.value, found.scale)) == EQUILIBRIUM[name]


@pytest.mark.parametrize(
    ("name", "on_real", "on_fake"), [("dcgan", 60.0, -60.0), ("lsgan", 1.0, 0.0), ("hinge_gan", 1.0, -1.0), ("fgan", 60.0, -60.0)]
)
def test_the_scale_is_the_way_to_perfect_separation(name: str, on_real: float, on_fake: float) -> None:
    family = open_family(name)
    hp = family.Hparams()
    reading = family.equilibrium(hp)
    loss = float(family.adversarial_d(torch.tensor([on_real]).double(), torch.tensor([on_fake]).double(), hp))
    assert reading.value - loss == pytest.approx(reading.scale, abs=1e-9)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_a_divergence_rises_by_what_two_distributions_apart_read(name: str) -> None:
    """f(0) + lim f(u)/u − f(1): the divergence of distributions that do not overlap, above that of equal ones."""
    divergence = DIVERGENCES[name]
    assert divergence.f(1.0) == pytest.approx(divergence.at_one, abs=1e-12)
    apart = divergence.f(1e-12) + divergence.f(1e12) / 1e12 - divergence.f(1.0)
    if divergence.most is None:  # it grows without end as u leaves all bounds
        further = divergence.f(1e-24) + divergence.f(1e24) / 1e24 - divergence.f(1.0)
        assert further > apart + 20
    else:
        assert apart == pytest.approx(divergence.most, rel=1e-4)

"""DiscoGAN (Kim, Cha, Kim, Lee & Kim 2017, arXiv:1703.05192)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Form, Memo, Players
from gantune.families.translating import GAMES, Domains, TwoWays, absolute_error, both
from gantune.nets.hourglass import Hourglass, OpenDiscriminator
from gantune.nets.norms import NORMS
from gantune.nets.parts import Parts
from gantune.params import param


@dataclass(frozen=True)
class DiscoGANArch:
    """Two encoder-decoders against two DCGAN discriminators."""

    features: int = param(64, "channels of the widest map of every net", low=1, high=1024)
    g_norm: str = param("batch", "normalisation in G", choices=NORMS)
    d_norm: str = param("batch", "normalisation in D", choices=NORMS)


@dataclass(frozen=True)
class DiscoGANHparams:
    """How G's loss is mixed."""

    matching: float = param(0.9, "share of feature matching in G's adversarial part; the rest is -ln D", low=0, high=1)
    rate: float = param(0.5, "share r of the reconstruction in G's loss; the adversarial part has 1 - r", low=0, high=1)
    rate_start: float = param(0.01, "that share before rate_kimg", low=0, high=1)
    rate_kimg: float = param(320.0, "kimg at which rate_start gives way to rate", low=0)


class DiscoGAN(TwoWays[DiscoGANArch, DiscoGANHparams]):
    """Unpaired translation in both directions, whose generators also match the mean maps inside the discriminators.

    G minimises (1 − r) (0.1 · −ln D + 0.9 · feature matching) + r · reconstruction, summed over both directions. The authors' pixels
    lie in [0, 1]; ours are twice as far apart, so that the squared error is divided by 4. Their 10,000 iterations at the small r,
    one for D and two for G in turn, are 320 kimg at batch 64, for a D step shows `batch` pictures of each domain and counts as `batch`
    images, and so does a G step.
    """

    name = "discogan"
    paper = "Kim, Cha, Kim, Lee & Kim 2017, arXiv:1703.05192"
    Arch = DiscoGANArch
    Hparams = DiscoGANHparams
    # SKTBrain/DiscoGAN
    canonical = {
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "g_steps": 2,
        "beta1": 0.5,
        "beta2": 0.999,
        "weight_decay": 1e-5,
        "batch": 64,
        "matching": 0.9,
        "rate": 0.5,
        "rate_start": 0.01,
        "rate_kimg": 320.0,
        "features": 64,
    }

    def build(self, arch: DiscoGANArch, form: Form) -> Players:
        these = Domains.of(form)
        size, features = these.size, arch.features
        ab, ba = Hourglass(these.a, these.b, size, features, arch.g_norm), Hourglass(these.b, these.a, size, features, arch.g_norm)
        a, b = OpenDiscriminator(these.a, size, features, arch.d_norm), OpenDiscriminator(these.b, size, features, arch.d_norm)
        return Players(g=Parts({"ab": ab, "ba": ba}), d=Parts({"a": a, "b": b}))

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: DiscoGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        a, b = both(batch)
        (real_a, *_), (fake_a, *_) = d(a, part="a"), d(g(b, part="ba"), part="a")
        (real_b, *_), (fake_b, *_) = d(b, part="b"), d(g(a, part="ab"), part="b")
        loss = GAMES["bce"].d(real_a, fake_a) + GAMES["bce"].d(real_b, fake_b)
        return loss, {"d_adv": loss / 2, "d_real": torch.cat([real_a, real_b]), "d_fake": torch.cat([fake_a, fake_b])}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: DiscoGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        a, b = both(batch)
        fake_a, fake_b = g(b, part="ba"), g(a, part="ab")
        (judged_a, *maps_a), (judged_b, *maps_b) = d(fake_a, part="a"), d(fake_b, part="b")
        (_, *true_a), (_, *true_b) = d(a, part="a"), d(b, part="b")
        adversarial = GAMES["bce"].g(judged_a) + GAMES["bce"].g(judged_b)
        matching = feature_matching(true_a, maps_a) + feature_matching(true_b, maps_b)
        back_a, back_b = g(fake_b, part="ba"), g(fake_a, part="ab")
        reconstruction = ((back_a - a).square().mean() + (back_b - b).square().mean()) / 4
        fooling = (1 - hp.matching) * adversarial + hp.matching * matching
        loss = (1 - memo["r"]) * fooling + memo["r"] * reconstruction
        return loss, {"g_adv": adversarial / 2, "cycle_loss": (absolute_error(back_a, a) + absolute_error(back_b, b)) / 2}

    def equilibrium(self, hp: DiscoGANHparams) -> Equilibrium | None:
        return GAMES["bce"].equilibrium

    def memo(self, arch: DiscoGANArch, hp: DiscoGANHparams, form: Form) -> Memo:
        return {"r": torch.tensor(rate_at(hp, 0.0))}

    def remember(self, memo: Memo, aux: Aux, hp: DiscoGANHparams, kimg: float) -> None:
        memo["r"].fill_(rate_at(hp, kimg))


def rate_at(hp: DiscoGANHparams, kimg: float) -> float:
    """The share r of the reconstruction at `kimg`."""
    return hp.rate_start if kimg < hp.rate_kimg else hp.rate


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Squared difference of a batch's mean maps, a mean over each layer's (C, H, W), summed over the layers."""
    differences = [(one.mean(0) - other.mean(0)).square().mean() for one, other in zip(real, fake, strict=True)]
    return torch.stack(differences).sum()

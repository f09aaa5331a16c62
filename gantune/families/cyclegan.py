"""CycleGAN (Zhu, Park, Isola & Efros 2017, arXiv:1703.10593)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gantune.data.pictures import with_channels
from gantune.errors import UserError
from gantune.families.base import Aux, Batch, Draws, Equilibrium, Form, Memo, Players
from gantune.families.image_pool import exchange, slots
from gantune.families.translating import GAMES, Domains, TwoWays, absolute_error, both
from gantune.nets.norms import NORMS
from gantune.nets.parts import Parts
from gantune.nets.patch import PatchDiscriminator, check_patches
from gantune.nets.translator import Translator
from gantune.params import param


@dataclass(frozen=True)
class CycleGANArch:
    """Two residual translators against two patch discriminators."""

    features: int = param(64, "channels of the widest map of every net", low=1, high=1024)
    blocks: int = param(9, "residual blocks of each translator: the paper has 6 for 128 pixels, 9 for 256", low=1, high=64)
    patch_layers: int = param(3, "halvings in D, whose logits see 16, 34, 70 pixels for 1, 2, 3", low=1, high=6)
    g_norm: str = param("instance", "normalisation in G", choices=NORMS)
    d_norm: str = param("instance", "normalisation in D", choices=NORMS)


@dataclass(frozen=True)
class CycleGANHparams:
    """The game, the weights of both consistencies, and D's memory."""

    loss: str = param("least_squares", "adversarial loss of both players", choices=("least_squares", "bce"))
    cycle_weight: float = param(10.0, "weight of the L1 error of both round trips in G's loss (the paper's lambda)", low=0, high=1e6)
    identity_weight: float = param(
        0.5, "share of cycle_weight that the L1 change of pictures gets which are in the wanted domain already", low=0, high=1e3
    )
    pool: int = param(50, "generated pictures of each domain that D may see again; 0: only fresh ones", low=0, high=10_000)


class CycleGAN(TwoWays[CycleGANArch, CycleGANHparams]):
    """Unpaired translation in both directions that must return to where it started.

    Where one domain is grey and the other in colour, the identity term compares in the channels that its generator is given: b in grey
    must come out of G_ab with the same grey, a as a grey picture in colour must come out of G_ba as a. With equal channels that is
    the paper's term (section 5.2). A D step shows `batch` pictures of each domain and counts as `batch` images.
    """

    name = "cyclegan"
    paper = "Zhu, Park, Isola & Efros 2017, arXiv:1703.10593"
    Arch = CycleGANArch
    Hparams = CycleGANHparams
    # junyanz/pytorch-CycleGAN-and-pix2pix: 100 epochs, and 100 more in which the rates fall to 0, of horse2zebra's 1,334 pictures
    canonical = {
        "lr_g": 2e-4,
        "lr_ratio": 1.0,
        "k": 1,
        "beta1": 0.5,
        "beta2": 0.999,
        "batch": 1,
        "lr_decay": "linear",
        "lr_decay_start": 133.4,
        "lr_decay_kimg": 133.4,
        "loss": "least_squares",
        "cycle_weight": 10.0,
        "identity_weight": 0.5,
        "pool": 50,
        "features": 64,
        "blocks": 9,
        "patch_layers": 3,
    }

    shaped_by = frozenset({"pool"})

    def build(self, arch: CycleGANArch, form: Form) -> Players:
        these = Domains.of(form)
        size, features = these.size, arch.features
        ab = Translator(these.a, these.b, size, features, arch.blocks, arch.g_norm)
        ba = Translator(these.b, these.a, size, features, arch.blocks, arch.g_norm)
        a = PatchDiscriminator(these.a, size, features, arch.patch_layers, arch.d_norm)
        b = PatchDiscriminator(these.b, size, features, arch.patch_layers, arch.d_norm)
        return Players(g=Parts({"ab": ab, "ba": ba}), d=Parts({"a": a, "b": b}))

    def draw(self, arch: CycleGANArch, hp: CycleGANHparams, form: Form, n: int, generator: torch.Generator) -> Draws:
        draws = super().draw(arch, hp, form, n, generator)
        if hp.pool == 0:
            return draws
        coin = torch.rand(2, n, generator=generator, device=generator.device)
        slot = torch.stack([slots(n, hp.pool, generator) for _ in range(2)])
        return replace(draws, coin=coin, slot=slot)

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: CycleGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        game = GAMES[hp.loss]
        a, b = both(batch)
        fake_a, fake_b = g(b, part="ba"), g(a, part="ab")
        pools: Aux = {}
        if hp.pool and d.training:
            assert draws.coin is not None
            assert draws.slot is not None
            fake_a, pools["pool_a"] = exchange(memo["pool_a"], memo["filled"], fake_a, draws.coin[0], draws.slot[0])
            fake_b, pools["pool_b"] = exchange(memo["pool_b"], memo["filled"], fake_b, draws.coin[1], draws.slot[1])
            pools["filled"] = (memo["filled"] + len(b)).clamp_max(hp.pool)
        real_a, fake_a = d(a, part="a"), d(fake_a, part="a")
        real_b, fake_b = d(b, part="b"), d(fake_b, part="b")
        loss = game.d(real_a, fake_a) + game.d(real_b, fake_b)
        real, fake = torch.cat([real_a, real_b]) - game.decision, torch.cat([fake_a, fake_b]) - game.decision
        return loss, {"d_adv": loss / 2, "d_real": real, "d_fake": fake} | pools

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: CycleGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        game = GAMES[hp.loss]
        a, b = both(batch)
        fake_a, fake_b = g(b, part="ba"), g(a, part="ab")
        adversarial = game.g(d(fake_a, part="a")) + game.g(d(fake_b, part="b"))
        cycle = absolute_error(g(fake_b, part="ba"), a) + absolute_error(g(fake_a, part="ab"), b)  # eq. 2
        loss = adversarial + hp.cycle_weight * cycle  # eq. 3
        if hp.identity_weight > 0:
            loss = loss + hp.cycle_weight * hp.identity_weight * _identity(g, a, b)
        return loss, {"g_adv": adversarial / 2, "cycle_loss": cycle / 2}

    def check(self, arch: CycleGANArch, hp: CycleGANHparams, form: Form) -> None:
        these = Domains.of(form)
        check_patches(these.size, arch.patch_layers)
        if hp.identity_weight > 0 and these.a != these.b and 1 not in (these.a, these.b):
            raise UserError(
                f"identity_weight={hp.identity_weight:g} compares pictures of both domains, which have {these.a} and {these.b} channels"
                " here. Set identity_weight=0."
            )

    def equilibrium(self, hp: CycleGANHparams) -> Equilibrium | None:
        return GAMES[hp.loss].equilibrium

    def memo(self, arch: CycleGANArch, hp: CycleGANHparams, form: Form) -> Memo:
        if hp.pool == 0:
            return {}
        assert form.source is not None
        return {
            "pool_a": torch.zeros(hp.pool, *form.source),
            "pool_b": torch.zeros(hp.pool, *form.shape),
            "filled": torch.zeros((), dtype=torch.int64),
        }

    @torch.no_grad()
    def remember(self, memo: Memo, aux: Aux, hp: CycleGANHparams, kimg: float) -> None:
        if hp.pool == 0:
            return
        memo["pool_a"].copy_(aux["pool_a"])
        memo["pool_b"].copy_(aux["pool_b"])
        memo["filled"].copy_(aux["filled"])


def _identity(g: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """How much either generator changes what is in its target domain already (section 5.2, L_identity)."""
    given_a, given_b = with_channels(a, b.shape[1]), with_channels(b, a.shape[1])  # what G_ba and G_ab can read
    kept_a, kept_b = with_channels(g(given_a, part="ba"), b.shape[1]), with_channels(g(given_b, part="ab"), a.shape[1])
    return absolute_error(kept_a, given_a) + absolute_error(kept_b, given_b)

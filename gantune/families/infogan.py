"""InfoGAN (Chen et al. 2016, arXiv:1606.03657)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantune.families.base import Aux, Batch, Draws, Equilibrium, Family, Form, Memo, Players, Samples
from gantune.families.standard import latent
from gantune.losses import bce_d, non_saturating_g
from gantune.nets.norms import spectrally_normalised
from gantune.nets.standard import StandardArch, make_generator, make_trunk
from gantune.params import param

Q = tuple[Tensor, Tensor]  # logits (N, categories), means (N, continuous)


@dataclass(frozen=True)
class InfoGANArch(StandardArch):
    """Standard networks; what G is made to say beside z, and what Q must hear."""

    categories: int = param(10, "values of the categorical code", low=2, high=10_000)
    continuous: int = param(2, "continuous codes, uniform on [-1, 1]", low=0, high=1000)


@dataclass(frozen=True)
class InfoGANHparams:
    """Weights of the information terms (the paper's lambda)."""

    mi_weight: float = param(1.0, "weight of the bound for the categorical code", low=0, high=1e4)
    mi_weight_continuous: float = param(1.0, "weight of the bound for the continuous codes", low=0, high=1e4)


class InfoGenerator(nn.Module):
    """z (N, latent_dim), code (N,), continuous codes (N, L) → example."""

    def __init__(self, arch: InfoGANArch, form: Form) -> None:
        super().__init__()
        self.categories = arch.categories
        self.net = make_generator(arch, form, arch.latent_dim + arch.categories + arch.continuous)

    def forward(self, z: Tensor, code: Tensor, code_c: Tensor) -> Tensor:
        out: Tensor = self.net(torch.cat([z, F.one_hot(code, self.categories).float(), code_c], 1))
        return out


class InfoDiscriminator(nn.Module):
    """x → logit (N,), and Q's guess at the codes from the same trunk."""

    def __init__(self, arch: InfoGANArch, form: Form) -> None:
        super().__init__()
        self.trunk, width = make_trunk(arch, form)
        head = nn.Linear(width, 1)
        self.head = spectrally_normalised(head) if arch.spectral_norm else head
        self.q = nn.Sequential(nn.Linear(width, arch.hidden), nn.LeakyReLU(0.2), nn.Linear(arch.hidden, arch.categories + arch.continuous))
        self.categories = arch.categories

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        trunk = self.trunk(x)
        guess = self.q(trunk)
        return self.head(trunk).squeeze(1), guess[:, : self.categories], guess[:, self.categories :]


class InfoGAN(Family[InfoGANArch, InfoGANHparams]):
    """Part of G's input is a code that Q, which shares D's trunk, must be able to read from the example.

    Both players maximise L_I = H(c) + E ln Q(c | G(z, c)), a lower bound of the mutual information of code and example (eq. 5, 6).
    Q of a continuous code is a Gaussian of std 1, as in the authors' MNIST settings. `mi_bound` is of the categorical code: at most
    ln 10 nats for ten categories.
    """

    name = "infogan"
    paper = "Chen et al. 2016, arXiv:1606.03657"
    Arch = InfoGANArch
    Hparams = InfoGANHparams
    # openai/InfoGAN, its MNIST launcher: D at 2e-4, G at 1e-3. It sums the two halves of D's adversarial loss, which are averaged here:
    # weights of 1 count twice as much in D as there, and the same in G.
    canonical = {
        "lr_g": 1e-3,
        "lr_ratio": 0.2,
        "k": 1,
        "beta1": 0.5,
        "batch": 128,
        "features": 64,
        "latent_dim": 62,
        "categories": 10,
        "continuous": 2,
        "mi_weight": 1.0,
        "mi_weight_continuous": 1.0,
    }
    default_data = "mnist5k"

    def build(self, arch: InfoGANArch, form: Form) -> Players:
        return Players(g=InfoGenerator(arch, form), d=InfoDiscriminator(arch, form))

    def draw(self, arch: InfoGANArch, hp: InfoGANHparams, form: Form, n: int, generator: torch.Generator) -> Draws:
        z = latent("uniform", n, arch.latent_dim, generator)  # as the authors' MNIST settings
        code = torch.randint(arch.categories, (n,), generator=generator, device=generator.device)
        return Draws(z=z, code=code, code_c=latent("uniform", n, arch.continuous, generator))

    def d_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: InfoGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        real, fake = d(batch.x)[0], d(g(draws.z, draws.code, draws.code_c))
        adversarial = bce_d(real, fake[0])
        information, bound = self.information(fake[1:], draws, hp)
        return adversarial - information, {"d_adv": adversarial, "d_real": real, "d_fake": fake[0], "mi_bound": bound}

    def g_loss(self, g: nn.Module, d: nn.Module, batch: Batch, draws: Draws, hp: InfoGANHparams, memo: Memo) -> tuple[Tensor, Aux]:
        fake = d(g(draws.z, draws.code, draws.code_c))
        adversarial = non_saturating_g(fake[0])
        return adversarial - self.information(fake[1:], draws, hp)[0], {"g_adv": adversarial}

    def information(self, q: Q, draws: Draws, hp: InfoGANHparams) -> tuple[Tensor, Tensor]:
        """The weighted bounds that both players maximise, and the categorical one in nats."""
        logits, means = q
        assert draws.code is not None
        assert draws.code_c is not None
        categorical = math.log(logits.shape[1]) - F.cross_entropy(logits, draws.code)
        log_q = -(math.log(2 * math.pi) + (draws.code_c - means).square()).sum(1).mean() / 2
        continuous = means.shape[1] * math.log(2) + log_q  # the entropy of a uniform on [-1, 1] is ln 2
        return hp.mi_weight * categorical + hp.mi_weight_continuous * continuous, categorical

    def sample(self, g: nn.Module, draws: Draws, given: Batch) -> Samples:
        """Of the category `given.y` where it is asked for."""
        code = draws.code if given.y is None else given.y
        assert code is not None
        return Samples(g(draws.z, code, draws.code_c), code=code)

    def codes(self, arch: InfoGANArch) -> int:
        return arch.categories

    def equilibrium(self, hp: InfoGANHparams) -> Equilibrium:
        return Equilibrium(value=math.log(2), scale=math.log(2))

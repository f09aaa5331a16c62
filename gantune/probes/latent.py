"""What z means to a generator: ways between samples, single coordinates, sums and differences of samples a person picks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gantune.data import open_dataset
from gantune.errors import UserError
from gantune.families.base import Batch, Draws
from gantune.generator_file import GeneratorFile
from gantune.training.given import Conditions, grid_labels
from gantune.training.seeds import generator

EXTENT = 2.0  # a coordinate moves over [-2, 2]
NAMED = re.compile(r"\s*([+-]?)\s*(\d+(?:\s*,\s*\d+)*)\s*")


@dataclass(frozen=True)
class Term:
    """The average of some samples, added or taken away."""

    sign: int
    numbers: tuple[int, ...]


class Latent:
    """Samples of a generator of noise by their number: those that `gantune sample` shows for the same seed, row by row from 0."""

    def __init__(self, made: GeneratorFile, *, n: int = 64, seed: int = 0) -> None:
        family, config = made.config.family, made.config
        if family.needs not in ("examples", "labels") or not made.form.is_image:
            raise UserError(f"latent: {family.name} on {config.data} makes no pictures from noise; this probe is for families that do.")
        self.made, self.n = made, n
        source = generator(torch.device("cpu"), seed, "sample")
        self.draws: Draws = family.draw(config.arch, config.hparams, made.form, n, source)
        self.labels = grid_labels(family, config.arch, made.form, n, columns=8)
        if family.needs == "labels" and made.form.attributes:  # those of examples, as `sample` has them
            dataset = open_dataset(config.data, config.prepare.image_size)
            self.labels = Conditions(family, config.arch, dataset, torch.device("cpu"))(n, seed, "score").y

    @torch.no_grad()
    def pictures(self, z: Tensor, like: Tensor) -> Tensor:
        """G of latents `z` (m, d), told the labels and codes of the samples numbered `like` (m,) → (m, C, H, W)."""
        family, rows = self.made.config.family, like.long()
        parts = {name: getattr(self.draws, name) for name in ("code", "code_c")}
        draws = replace(self.draws, z=z, **{name: None if part is None else part[rows] for name, part in parts.items()})
        return family.sample(self.made.net, draws, Batch(torch.empty(len(z), 0), None if self.labels is None else self.labels[rows])).x

    def samples(self) -> Tensor:
        """The numbered samples themselves (n, C, H, W)."""
        return self.pictures(self.draws.z, torch.arange(self.n))

    def between(self, a: int, b: int, steps: int, *, spherical: bool) -> Tensor:
        """The way from sample `a` to sample `b` in `steps` pictures, ends included; labels are those of `a`."""
        start, end = self.draws.z[self._number(a)], self.draws.z[self._number(b)]
        share = torch.linspace(0, 1, steps)[:, None]
        z = slerp(start, end, share) if spherical else torch.lerp(start, end, share)
        return self.pictures(z, torch.full((steps,), a))

    def along(self, number: int, coordinate: int, steps: int) -> Tensor:
        """Sample `number` with one coordinate of z moved over [-2, 2]."""
        z = self.draws.z[self._number(number)].repeat(steps, 1)
        z[:, coordinate] = torch.linspace(-EXTENT, EXTENT, steps)
        return self.pictures(z, torch.full((steps,), number))

    def strongest(self, number: int, count: int, steps: int = 5) -> list[int]:
        """The coordinates of z that change sample `number` most when moved, in mean absolute difference between neighbouring steps."""
        moved = [float(self.along(number, which, steps).diff(dim=0).abs().mean()) for which in range(self.draws.z.shape[1])]
        return sorted(range(len(moved)), key=lambda which: -moved[which])[:count]

    def sum(self, terms: list[Term]) -> tuple[list[Tensor], Tensor]:
        """The picture of each term's average latent, and that of their sum; labels are those of the first sample named."""
        means = [self.draws.z[[self._number(number) for number in term.numbers]].mean(0) for term in terms]
        total = torch.stack([term.sign * mean for term, mean in zip(terms, means, strict=True)]).sum(0)
        first = torch.tensor([terms[0].numbers[0]])
        shown = [self.pictures(mean[None], torch.tensor([term.numbers[0]])) for term, mean in zip(terms, means, strict=True)]
        return shown, self.pictures(total[None], first)

    def _number(self, number: int) -> int:
        if not 0 <= number < self.n:
            raise UserError(f"there is no sample {number}: they are numbered from 0 to {self.n - 1}.")
        return number


def slerp(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """From `a` (d,) to `b` (d,) along the arc between them, `share` (m, 1) in [0, 1] → (m, d). Straight where they are parallel."""
    angle = torch.acos(torch.nn.functional.cosine_similarity(a, b, dim=0).clamp(-1, 1))
    if float(angle.sin()) < 1e-6:
        return torch.lerp(a, b, share)
    return (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / angle.sin()


def parsed(text: str) -> list[Term]:
    """`3,5,9 - 1,2 + 7` → terms, each an average of samples by number. `UserError` where it reads otherwise."""
    terms: list[Term] = []
    at = 0
    while at < len(text):
        match = NAMED.match(text, at)
        if match is None or (terms and not match[1]):
            raise UserError(f"--sum {text!r}: numbers of samples with commas between are averaged, + and - join them: 3,5,9 - 1,2 + 7,8.")
        terms.append(Term(-1 if match[1] == "-" else 1, tuple(int(number) for number in match[2].split(","))))
        at = match.end()
    if not terms:
        raise UserError("--sum names no samples. Such as: 3,5,9 - 1,2 + 7,8.")
    return terms

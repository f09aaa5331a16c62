"""A fresh discriminator against a generator that stands still (Arjovsky & Bottou 2017, arXiv:1701.04862, figures 1 to 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from gantune.families.base import Batch, Draws, Family
from gantune.families.bce import BCEGAN
from gantune.params import params_of
from gantune.probes.opened import Opened
from gantune.training.seeds import derive, generator
from gantune.training.settings import Training
from gantune.training.trainer import Trainer

Row = dict[str, Any]
Loss = Callable[[Batch, Draws], Tensor]
BATCHES = 8  # over which the generator's gradient and its variance are taken
READINGS = 40
HELDOUT = 1000
MINIMAX, NON_SATURATING, OWN = "minimax", "non-saturating", "own"


def optimal_discriminator(opened: Opened, *, steps: int, seed: int = 0, optimiser: str | None = None) -> list[Row]:
    """Train a fresh D for `steps` steps on the checkpoint's generator, at the rate of the family's canonical setting.

    A row a reading, at steps ever further apart: `d_loss` and `d_acc` as means since the last reading on training batches,
    `d_loss_heldout` and `d_acc_heldout` on real examples that D never saw and fresh samples; the norm of the gradient that G would get
    and the variance of a batch's gradient around it (sums over all weights of G, batches of the run's size), for D's logits under
    ln(1 - D) (`minimax`) and -ln D (`non-saturating`), for other families under their own loss (`own`); `cosine` between what the
    optimiser did to D and the direction of steepest descent.
    """
    canonical = opened.config.family.canonical
    rates = {name: canonical.get(name, params_of(Training)[name].default) for name in ("lr_g", "lr_ratio")}
    changes = {"optimiser": optimiser} if optimiser is not None else {}
    trainer = opened.fresh_d(derive(seed, "fresh d") % 2**31, **rates, **changes)
    losses = _generator_losses(trainer)
    source = generator(opened.device, seed, "probe")
    rows: list[Row] = []
    with _cosines(trainer.opt_d, trainer.d) as cosines, trainer.global_draws.swapped():
        done = 0
        for step in reading_steps(steps):
            for _ in range(step - done):
                trainer.d_step()
            done = step
            told = trainer.signals() if step else {}
            held = trainer.heldout(HELDOUT, derive(seed, "heldout", step))
            row: Row = {"kimg": opened.kimg, "optimiser": trainer.training.optimiser, "step": step}
            row |= {"d_loss": told.get("d_loss"), "d_acc": _mean(told.get("d_acc_real"), told.get("d_acc_fake"))}
            row |= {"d_loss_heldout": held["d_loss"], "d_acc_heldout": _mean(held.get("d_acc_real"), held.get("d_acc_fake"))}
            row["cosine"] = float(torch.stack(cosines).mean()) if cosines else None
            cosines.clear()
            for name, (norm, variance) in _gradients(trainer, losses, source).items():
                row |= {f"{name} norm": norm, f"{name} variance": variance}
            rows.append(row)
    return rows


def reading_steps(steps: int) -> list[int]:
    """0, 1, 2, 3, 5, ... up to `steps`, evenly spread on a log scale."""
    spread = {round(math.exp(math.log(steps) * part / (READINGS - 1))) for part in range(READINGS)}
    return [0, *sorted(spread)]


def takes_logits(family: Family[Any, Any], hparams: Any) -> bool:
    """Whether D's outputs are logits of what G made, so that both of the original losses of G can be asked of it."""
    equilibrium = family.equilibrium(hparams)
    is_bce = equilibrium is not None and math.isclose(equilibrium.value, math.log(2))
    return isinstance(family, BCEGAN) or (family.decision == 0.0 and is_bce and family.needs != "queries")


def _generator_losses(trainer: Trainer) -> dict[str, Loss]:
    family, hparams = trainer.family, trainer.config.hparams

    def outputs(batch: Any, draws: Any) -> Tensor:
        _, aux = family.d_loss(trainer.seen_g, trainer.seen_d, batch, draws, hparams, trainer.memo)
        return aux["d_fake"]

    def own(batch: Any, draws: Any) -> Tensor:
        loss, _ = family.g_loss(trainer.seen_g, trainer.seen_d, batch, draws, hparams, trainer.memo)
        return loss

    if not takes_logits(family, hparams):
        return {OWN: own}
    return {
        MINIMAX: lambda batch, draws: -F.softplus(outputs(batch, draws)).mean(),  # E ln(1 - D(G(z)))
        NON_SATURATING: lambda batch, draws: F.softplus(-outputs(batch, draws)).mean(),  # -E ln D(G(z))
    }


def _gradients(trainer: Trainer, losses: dict[str, Loss], source: torch.Generator) -> dict[str, tuple[float, float]]:
    """For each loss the norm of the mean gradient over all weights of G, and the summed variance of a single batch's."""
    weights = list(trainer.g.parameters())
    trainer.g.requires_grad_(True)
    trainer.d.requires_grad_(False)
    found = {}
    kept = [buffer.clone() for buffer in trainer.d.buffers()]  # of batch norm, which must not learn from a measurement
    start = source.get_state()
    for name, loss in losses.items():
        source.set_state(start)  # the same batches for each
        gradients = []
        for number in range(BATCHES):
            batch = trainer.batches(number)
            draws = trainer.draw(len(batch), source)
            parts = torch.autograd.grad(loss(batch, draws), weights, allow_unused=True)
            gradients.append(torch.cat([part.flatten() for part in parts if part is not None]))
        stacked = torch.stack(gradients).double()  # (BATCHES, weights)
        found[name] = (float(stacked.mean(0).norm()), float(stacked.var(0).sum()))
    with torch.no_grad():
        for buffer, value in zip(trainer.d.buffers(), kept, strict=True):
            buffer.copy_(value)
    return found


@contextmanager
def _cosines(optimiser: optim.Optimizer, net: nn.Module) -> Iterator[list[Tensor]]:
    """A list that every step of `optimiser` adds to: the cosine between its change of `net` and the negative gradient."""
    found: list[Tensor] = []
    before: list[Tensor] = []

    def flat(values: Any) -> Tensor:
        return torch.cat([value.detach().flatten() for value in values])

    def ahead(*_: Any) -> None:
        before[:] = [flat(net.parameters()).clone()]

    def after(*_: Any) -> None:
        gradient = flat(torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in net.parameters())
        found.append(F.cosine_similarity(flat(net.parameters()) - before[0], -gradient, dim=0))

    handles = [optimiser.register_step_pre_hook(ahead), optimiser.register_step_post_hook(after)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _mean(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else (a + b) / 2

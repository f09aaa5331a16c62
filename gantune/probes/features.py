"""What D makes of real and generated pictures, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gantune.data import to_unit
from gantune.data.batches import Batch
from gantune.errors import UserError
from gantune.probes.opened import Opened
from gantune.training.given import in_batches
from gantune.training.seeds import generator
from gantune.training.trainer import evaluating
from gantune.training.views import View

WIDEST = 8  # places along a map; larger ones are averaged down to it
AXES = 50  # principal components that t-SNE and the neighbours see
NEIGHBOURS = 5


@dataclass(frozen=True)
class Layer:
    """One layer of D: coordinates of n real examples and then n generated ones.

    `separation` is the share of them whose five nearest neighbours, all others of both kinds being candidates, are mostly of their own
    kind: one half where the two are mixed, 1 where they lie apart (a nearest-neighbour two-sample test; Lopez-Paz & Oquab 2017).
    """

    name: str
    width: int  # numbers a picture
    pca: NDArray[np.float64]  # (2n, 3)
    explained: tuple[float, float, float]  # shares of the variance
    tsne2: NDArray[np.float64]  # (2n, 2)
    tsne3: NDArray[np.float64]  # (2n, 3)
    separation: float


LEAST = 16  # of either side


def features(opened: Opened, *, n: int = 256, seed: int = 0) -> list[Layer]:
    """`n` real examples (held out) and `n` generated ones through every convolution of D, or every linear layer
    where it has none. `UserError` where D does not take examples alone."""
    maps = activations(opened, n=n, seed=seed)
    return [_layer(name, values, seed) for name, values in maps.items()]


def activations(opened: Opened, *, n: int, seed: int) -> dict[str, Tensor]:
    """Outputs (2n, width) of D's layers by name, in evaluation mode, real examples first."""
    trainer = opened.trainer()
    family, data = opened.config.family, trainer.dataset
    if family.needs not in ("examples", "labels"):
        raise UserError(f"features: D of {family.name} sees more than one picture at a time; this probe is for families of images.")
    if len(data.heldout) < LEAST:
        raise UserError(f"features: {opened.config.data} has {len(data.heldout)} held-out examples; this probe takes {LEAST} or more.")
    if not LEAST <= n <= len(data.heldout):
        raise UserError(f"--n: lies between {LEAST} and the {len(data.heldout)} held-out examples of {opened.config.data}, got {n}.")
    modules = dict(trainer.d.named_modules())
    layers: dict[str, nn.Module] = {
        name: module for kind in (nn.Linear, nn.Conv2d) for name, module in modules.items() if isinstance(module, kind)
    }
    if any(isinstance(module, nn.Conv2d) for module in layers.values()):
        layers = {name: module for name, module in layers.items() if isinstance(module, nn.Conv2d)}
    labels = None if data.heldout_labels is None else data.heldout_labels[:n].to(opened.device)
    batch = Batch(to_unit(data.heldout[:n].to(opened.device)), labels)
    source = generator(opened.device, seed, "features")
    seen: dict[str, list[list[Tensor]]] = {name: [[], []] for name in layers}
    with torch.no_grad(), evaluating(trainer.g, trainer.d), _watched(layers) as calls:
        for some in in_batches(batch):
            family.d_loss(
                trainer.seen_g,
                View(trainer.d, trainer.seen_d.bf16),
                some,
                trainer.draw(len(some), source),
                opened.config.hparams,
                trainer.memo,
            )
            for name in layers:
                for kind, value in zip(seen[name], calls[name][:2], strict=True):  # D judges real, then generated ones; penalties follow
                    kind.append(value)
                calls[name].clear()
    return {name: torch.cat([torch.cat(kind) for kind in kinds]).float().cpu() for name, kinds in seen.items()}


@contextmanager
def _watched(layers: dict[str, nn.Module]) -> Iterator[dict[str, list[Tensor]]]:
    calls: dict[str, list[Tensor]] = {name: [] for name in layers}

    def keep(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            small = F.adaptive_avg_pool2d(output, min(WIDEST, output.shape[-1])) if output.ndim == 4 else output
            calls[name].append(small.flatten(1).detach())

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in layers.items()]  # type: ignore[arg-type]  # torch's own type
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _layer(name: str, values: Tensor, seed: int) -> Layer:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    table = values.double().numpy()
    reduced = PCA(min(AXES, *table.shape), random_state=seed)
    axes = reduced.fit_transform(table)
    placed = {
        width: TSNE(width, random_state=seed, init="pca" if axes.shape[1] > width else "random").fit_transform(axes) for width in (2, 3)
    }
    shares = [*reduced.explained_variance_ratio_[:3], 0.0, 0.0][:3]
    pca = np.pad(axes[:, :3], ((0, 0), (0, max(0, 3 - axes.shape[1]))))
    return Layer(
        name or "D", table.shape[1], pca, (shares[0], shares[1], shares[2]), placed[2], placed[3], separation(torch.from_numpy(axes))
    )


def separation(points: Tensor) -> float:
    """See `Layer`; `points` (2n, d), the first half real."""
    n = len(points) // 2
    distances = torch.cdist(points, points)
    distances.fill_diagonal_(float("inf"))
    nearest = distances.topk(min(NEIGHBOURS, 2 * n - 1), largest=False).indices
    is_real = torch.arange(2 * n) < n
    votes = is_real[nearest].float().mean(1)
    return float(((votes > 0.5) == is_real).float().mean())

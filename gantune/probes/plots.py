"""The probes' pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from gantune.data import to_unit
from gantune.pictures import tile
from gantune.probes.features import Layer
from gantune.probes.landscape import Landscape
from gantune.probes.neighbours import Neighbours
from gantune.probes.optimal_discriminator import MINIMAX, NON_SATURATING, OWN, Row

COLOURS = ("#2a6fbb", "#d1662c", "#3a8f5c", "#8a56ac", "#b8860b", "#5d6d7e")
REAL, MADE = "#2a6fbb", "#d1662c"
MUTED = "#6b7280"
LOSSES = {
    MINIMAX: "minimax loss  ln(1 − D)",
    NON_SATURATING: "non-saturating loss  −ln D",
    OWN: "the family's own loss",
}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def optimal_discriminator(rows: Sequence[Row], title: str, equilibrium: float | None) -> Figure:
    """What a fresh D reaches, and the gradient that G would get from it: a line a checkpoint."""
    ways = list(dict.fromkeys((row["kimg"], row["optimiser"]) for row in rows))
    losses = [name for name in LOSSES if f"{name} norm" in rows[0]]
    has_accuracy = any(row["d_acc"] is not None for row in rows)
    names = ["loss", *(["accuracy"] if has_accuracy else []), "cosine", "legend"]
    names += [f"{name} {what}" for name in losses for what in ("norm", "variance")]
    columns = math.ceil(len(names) / 2)
    figure = Figure(figsize=(4.3 * columns, 7.4), layout="constrained")
    axes = dict(zip(names, figure.subplots(2, columns).flat, strict=False))
    several = len({optimiser for _, optimiser in ways}) > 1
    for index, (kimg, optimiser) in enumerate(ways):
        some = [row for row in rows if (row["kimg"], row["optimiser"]) == (kimg, optimiser)]
        label = f"G after {kimg:.3g} kimg" + (f", {optimiser}" if several else "")
        look: dict[str, Any] = {"color": COLOURS[index % len(COLOURS)], "linewidth": 1.8}
        for name, ax in axes.items():
            if name == "legend":
                ax.plot([], [], label=label, **look)
            elif name in ("loss", "accuracy"):
                key = "d_loss" if name == "loss" else "d_acc"
                _line(ax, some, f"{key}_heldout", **look)
                _line(ax, some, key, linestyle=":", **look)
            else:
                _line(ax, some, name, **look)
    _dress(axes["loss"], "Loss of a fresh D", "averaged over real and generated")
    if equilibrium is not None:
        named = "ln 2" if math.isclose(equilibrium, math.log(2)) else f"{equilibrium:.3g}"
        axes["loss"].axhline(equilibrium, color=MUTED, linewidth=1, linestyle="--")
        where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom", "color": MUTED, "fontsize": 9}
        axes["loss"].annotate(named, (0.995, equilibrium), **where)
        highest = max(row["d_loss_heldout"] for row in rows)
        if highest > 3 * equilibrium > 0:  # an over-confident D would squeeze all else to the ground
            axes["loss"].set_ylim(0, 3 * equilibrium)
            axes["loss"].annotate(f"up to {highest:.3g}", (0.99, 0.98), **where | {"xycoords": "axes fraction", "va": "top"})
        if equilibrium == 0:  # a clipped critic's very first loss, its weights not yet in their box, would do so, too
            told = [row[key] for row in rows if row["step"] > 1 for key in ("d_loss", "d_loss_heldout")]
            settled = [0.0, *(value for value in told if value is not None and math.isfinite(value))]
            low, high = min(settled), max(settled)
            axes["loss"].set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
    if has_accuracy:
        _dress(axes["accuracy"], "Accuracy of a fresh D", "mean of real and generated")
        axes["accuracy"].set_ylim(0.4, 1.02)
    _dress(axes["cosine"], "Optimiser against gradient", "cosine of D's update and descent")
    axes["cosine"].set_ylim(min([-0.05, *(row["cosine"] - 0.05 for row in rows if row["cosine"] is not None)]), 1.05)
    for name in losses:
        _dress(axes[f"{name} norm"], f"G's gradient, {LOSSES[name]}", "norm of the mean gradient")
        _dress(axes[f"{name} variance"], f"Its variance, {LOSSES[name]}", "of a batch's gradient, summed over weights")
        axes[f"{name} norm"].set_yscale("log")
        axes[f"{name} variance"].set_yscale("log")
    for style, label in (("-", "held out"), (":", "training batches")):
        axes["legend"].plot([], [], color=MUTED, linestyle=style, label=label)
    axes["legend"].legend(frameon=False, fontsize=10, loc="center left")
    axes["legend"].axis("off")
    for ax in list(figure.axes)[len(names) :]:
        ax.set_visible(False)
    figure.suptitle(title, fontsize=12)
    return figure


def _line(ax: Axes, rows: Sequence[Row], key: str, **look: Any) -> None:
    known = [(row["step"] + 1, row[key]) for row in rows if row[key] is not None and math.isfinite(row[key])]
    if known:
        ax.plot(*zip(*known, strict=True), **look)


def _dress(ax: Axes, title: str, ylabel: str, xlabel: str = "steps of D + 1") -> None:
    ax.set_title(title, fontsize=10.5, loc="left")
    ax.set_ylabel(ylabel, fontsize=9)
    ax.set_xlabel(xlabel, fontsize=9)
    ax.set_xscale("log")
    _clean(ax)


def _clean(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="#e5e7eb", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8.5)


def features(layers: Sequence[Layer], title: str) -> Figure:
    """A column a layer: PCA above, t-SNE below."""
    figure = Figure(figsize=(3.4 * len(layers) + 0.4, 7.6), layout="constrained")
    grid = figure.subplots(2, len(layers), squeeze=False)
    for column, layer in enumerate(layers):
        first, second, _ = layer.explained
        grid[0, column].set_title(f"{layer.name}: separation {layer.separation:.2f}", fontsize=10.5, loc="left")
        if layer.width == 1:
            _outputs(grid[0, column], layer)
            grid[1, column].set_visible(False)
            continue
        _clouds(grid[0, column], layer.pca[:, :2])
        grid[0, column].set_xlabel(f"PCA 1 ({first:.0%})", fontsize=9)
        grid[0, column].set_ylabel(f"PCA 2 ({second:.0%})", fontsize=9)
        _clouds(grid[1, column], layer.tsne2)
        grid[1, column].set_xlabel("t-SNE 1", fontsize=9)
        grid[1, column].set_ylabel("t-SNE 2", fontsize=9)
    grid[0, 0].legend(frameon=False, fontsize=9, loc="best")
    figure.suptitle(title, fontsize=12)
    return figure


def features_3d(layers: Sequence[Layer], title: str) -> Figure:
    """The same in three dimensions, of the layers that have as many."""
    layers = [layer for layer in layers if layer.width >= 3]
    figure = Figure(figsize=(3.8 * len(layers) + 0.4, 8), layout="constrained")
    for column, layer in enumerate(layers):
        for row, (name, points) in enumerate((("PCA", layer.pca), ("t-SNE", layer.tsne3))):
            ax = figure.add_subplot(2, len(layers), row * len(layers) + column + 1, projection="3d")
            n = len(points) // 2
            for part, colour, label in ((points[:n], REAL, "real"), (points[n:], MADE, "generated")):
                ax.scatter(*part.T, s=6, color=colour, alpha=0.55, linewidths=0, label=label)
            ax.set_title(f"{layer.name}, {name}", fontsize=10.5)
            ax.tick_params(labelsize=7)
            if row == column == 0:
                ax.legend(frameon=False, fontsize=9, loc="upper left")
    figure.suptitle(title, fontsize=12)
    return figure


def _clouds(ax: Axes, points: NDArray[np.float64]) -> None:
    n = len(points) // 2
    order = np.random.default_rng(0).permutation(2 * n)  # so that neither cloud hides the other
    colours = np.array([REAL] * n + [MADE] * n)
    ax.scatter(points[order, 0], points[order, 1], s=9, c=colours[order], alpha=0.6, linewidths=0)
    for colour, label in ((REAL, "real"), (MADE, "generated")):
        ax.scatter([], [], s=20, color=colour, label=label)
    _clean(ax)


def _outputs(ax: Axes, layer: Layer) -> None:
    """A layer of one number, D's output: how often it takes which value."""
    n = len(layer.pca) // 2
    bins = np.linspace(layer.pca[:, 0].min(), layer.pca[:, 0].max(), 40).tolist()
    for part, colour in ((layer.pca[:n, 0], REAL), (layer.pca[n:, 0], MADE)):
        ax.hist(part, bins=bins, color=colour, alpha=0.55)
    ax.set_xlabel("output, from its mean", fontsize=9)
    ax.set_ylabel("pictures", fontsize=9)
    _clean(ax)


def numbered(images: Tensor, title: str, columns: int = 8) -> Figure:
    """Samples with their numbers, to choose from."""
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(0.95 * columns, 1.12 * rows + 0.5), layout="constrained")
    for index, ax in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        ax.axis("off")
        if index < len(images):
            _image(ax, images[index : index + 1])
            ax.set_title(str(index), fontsize=8, pad=2, color=MUTED)
    figure.suptitle(title, fontsize=11)
    return figure


def strips(parts: Mapping[str, Tensor], title: str) -> Figure:
    """A row of pictures for each name."""
    longest = max(len(images) for images in parts.values())
    figure = Figure(figsize=(0.62 * longest + 2.4, 0.75 * len(parts) + 0.7), layout="constrained")
    for ax, (name, images) in zip(figure.subplots(len(parts), 1, squeeze=False).flat, parts.items(), strict=True):
        _image(ax, images, columns=len(images))
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        ax.set_anchor("W")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=11)
    return figure


def equation(pictures: Sequence[Tensor], labels: Sequence[str], title: str) -> Figure:
    """Pictures side by side, a term each and then their sum, named below."""
    figure = Figure(figsize=(1.7 * len(pictures) + 0.4, 2.6), layout="constrained")
    for ax, images, label in zip(figure.subplots(1, len(pictures), squeeze=False).flat, pictures, labels, strict=True):
        _image(ax, images)
        ax.axis("off")
        ax.set_title(label, fontsize=9, wrap=True)
    figure.suptitle(title, fontsize=11)
    return figure


def _image(ax: Axes, images: Tensor, columns: int = 1) -> None:
    pixels = tile(images, columns)
    grey = pixels.shape[2] == 1
    ax.imshow(pixels[..., 0] if grey else pixels, cmap="gray" if grey else None, vmin=0, vmax=255, interpolation="nearest")


def neighbours(found: Neighbours, title: str, shown: int = 12) -> Figure:
    """For the samples that lie nearest to training images: each with its nearest, by pixels and by features; then how near all lie."""
    figure = Figure(figsize=(13, 0.52 * shown + 1.6), layout="constrained")
    left, middle, right = np.asarray(figure.subfigures(1, 3, width_ratios=(1, 1, 0.95))).flat
    for part, space in zip((left, middle), found.spaces, strict=True):
        order = space.distances[:, 0].argsort()[:shown]
        k = space.rows.shape[1]
        rows = [torch.cat([found.samples[number][None], to_unit(found.train[space.rows[number]]).float()]) for number in order]
        width = found.samples.shape[-1] + 2
        ax = part.subplots()
        _image(ax, torch.cat(rows), columns=k + 1)
        ax.axvline(width - 1.5, color=MADE, linewidth=2.5)
        ax.set_title(f"samples (left of the line) and their\nnearest training images by {space.name}", fontsize=10)
        ax.axis("off")
    for ax, space in zip(right.subplots(2, 1), found.spaces, strict=True):
        top = float(np.quantile(np.concatenate([space.distances[:, 0].numpy(), space.heldout.numpy()]), 0.995))
        bins = np.linspace(0, top, 40)
        ax.hist(space.heldout.numpy(), bins=bins, color=REAL, alpha=0.55, density=True, label="held-out real")
        ax.hist(space.distances[:, 0].numpy(), bins=bins, color=MADE, alpha=0.55, density=True, label="generated")
        ax.set_title(f"{space.name}: nearer than held out {space.nearer:.2f}", fontsize=10, loc="left")
        ax.set_xlabel("distance to the nearest training image", fontsize=9)
        ax.set_yticks([])
        _clean(ax)
        ax.legend(frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=12)
    return figure


def landscape(found: Landscape, title: str) -> Figure:
    """Two maps over lr_ratio and k: quality, and d_loss beside its equilibrium."""
    figure = Figure(figsize=(11, 1.0 * len(found.ks) + 1.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    _map(left, found, np.array(found.quality), "viridis_r", f"best {found.metric}")
    at = "" if found.equilibrium is None else f" (at p = q: {found.equilibrium:.3g})"
    _map(right, found, np.array(found.d_loss), "cividis", f"d_loss, last quarter{at}")
    figure.suptitle(title, fontsize=12)
    return figure


def _map(ax: Axes, found: Landscape, values: NDArray[np.float64], colours: str, title: str) -> None:
    shades = np.log(values) if np.nanmin(values) > 0 else values
    ax.imshow(shades, cmap=colours, aspect="auto", origin="lower")
    middle = (np.nanmin(shades) + np.nanmax(shades)) / 2
    for row, column in np.ndindex(*values.shape):
        if not math.isfinite(values[row, column]):
            continue
        is_own = (found.ks[row], found.ratios[column]) == found.own
        dark = (shades[row, column] > middle) == (colours.endswith("_r"))
        ax.text(column, row, f"{values[row, column]:.3g}", ha="center", va="center", fontsize=9.5, color="white" if dark else "black",
                fontweight="bold" if is_own else "normal")  # fmt: skip
        if is_own:
            ax.add_patch(_frame(column, row))
    ax.set_xticks(range(len(found.ratios)), [f"{ratio:.3g}" for ratio in found.ratios])
    ax.set_yticks(range(len(found.ks)), [str(k) for k in found.ks])
    ax.set_xlabel("lr_ratio = lr_d / lr_g", fontsize=9)
    ax.set_ylabel("k, D-steps per G-step", fontsize=9)
    ax.set_title(title, fontsize=10.5, loc="left")


def _frame(column: int, row: int) -> Rectangle:
    return Rectangle((column - 0.49, row - 0.49), 0.98, 0.98, fill=False, edgecolor=MADE, linewidth=2.5)

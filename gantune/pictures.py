"""Generated examples as PNG files: grids of images, densities of points."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gantune.durable import writing
from gantune.families.base import Samples
from gantune.metrics.ranking import ranking

Pixels = NDArray[np.uint8]
CELL = 4  # pixels along a document of a ranking


def tile(images: Tensor, columns: int) -> Pixels:
    """Images (N, C, H, W) in [-1, 1] side by side with a gap of 2 pixels → uint8 (rows·(H+2)−2, columns·(W+2)−2, C)."""
    count, channels, height, width = images.shape
    rows = math.ceil(count / columns)
    pixels = ((images.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu()
    sheet = torch.full((channels, rows * (height + 2) - 2, columns * (width + 2) - 2), 127, dtype=torch.uint8)
    for index, image in enumerate(pixels):
        top, left = (index // columns) * (height + 2), (index % columns) * (width + 2)
        sheet[:, top : top + height, left : left + width] = image
    return np.asarray(sheet.permute(1, 2, 0))


def density(points: Tensor, bins: int = 128, extent: float = 1.2) -> Pixels:
    """Points (N, 2) as a picture of their density on [−extent, extent]², bright where many lie → uint8 (bins, bins, 1)."""
    across, up = points.double().cpu().numpy().T
    counts, _, _ = np.histogram2d(up, across, bins=bins, range=[[-extent, extent], [-extent, extent]])
    shade: Pixels = (255 * np.sqrt(counts / max(1.0, counts.max()))).astype(np.uint8)
    return shade[::-1, :, None]


def picture(examples: Tensor, columns: int = 8) -> Pixels:
    """The picture that fits the examples' shape: pictures side by side, the density of points, scores (n, M) as shades."""
    if examples.ndim == 4:
        return tile(examples, columns)
    return density(examples) if examples.shape[1] == 2 else tile(_shades(examples), 1)


def sheet(samples: Samples, columns: int = 8) -> Pixels:
    """Samples as one picture. Translations come in rows of source, result, and the target, or the two of the way back; rankings as the
    relevance of their documents."""
    if samples.x.ndim == 2 and samples.y is not None and samples.y.shape == samples.x.shape:
        return rankings(samples.x, samples.y)
    if samples.source is None or samples.x.ndim != 4:
        return picture(samples.x, columns)
    parts = [part for part in (samples.source, samples.x, samples.target, samples.back_source, samples.back) if part is not None]
    channels = max(part.shape[1] for part in parts)
    together = torch.stack([part.expand(-1, channels, -1, -1) for part in parts], 1)  # (n, parts, C, H, W)
    per_row = min(max(1, 2 * columns // len(parts)), len(together))  # a row of translations is read from left to right, so it may be wide
    whole = together[: len(together) // per_row * per_row]
    return tile(whole.flatten(0, 1), per_row * len(parts))


def rankings(scores: Tensor, relevance: Tensor) -> Pixels:
    """A row a query, its documents from the one ranked first on: the brighter the more relevant, grey where there is none.
    Scores and relevance (n, M) → uint8 (n·CELL, M·CELL, 1)."""
    ranked = ranking(scores, relevance).double().cpu()
    shades = torch.where(ranked < 0, 127, 30 + 225 * ranked / ranked.max().clamp_min(1)).byte()
    return np.asarray(shades.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)[..., None])


def _shades(scores: Tensor) -> Tensor:
    low, high = scores.amin(1, keepdim=True), scores.amax(1, keepdim=True)
    return ((scores - low) / (high - low).clamp_min(1e-9) * 2 - 1)[:, None, None, :]


def write_png(path: Path, pixels: Pixels, scale: int = 1) -> None:
    """Write uint8 pixels (H, W, C) as PNG, each as a square of `scale`; the file appears whole or not at all."""
    from PIL import Image

    big = pixels.repeat(scale, 0).repeat(scale, 1)
    image = Image.fromarray(big[..., 0] if big.shape[2] == 1 else big)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path, partial):
        image.save(partial, format="PNG")
        os.replace(partial, path)


def write_npz(path: Path, examples: Tensor) -> None:
    """Write images as `images` uint8 (N, H, W, C), points as `features` float32 (N, 2)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if examples.ndim == 2:
        np.savez_compressed(path, features=examples.float().cpu().numpy())
        return
    pixels = ((examples.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
    np.savez_compressed(path, images=pixels.cpu().numpy())

"""Two domains of mnist5k's digits: their outlines, paired with them, and their coloured, turned twins, in an order of their own."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from gantune.data.dataset import Dataset
from gantune.data.mnist5k import open_mnist5k
from gantune.data.prepared import Other, opened, write_splits

INK = 96  # grey level of 255 from which a pixel belongs to the digit
SEED = 5001


def open_edges(size: int, folder: Path) -> Dataset:
    """Source: the outline of a digit, white on black. Target: the digit. Paired, with mnist5k's own splits and labels."""
    about = {"data": "mnist5k_edges", "size": str(size), "version": "1"}

    def build(path: Path) -> None:
        digits = open_mnist5k(size, folder)
        source = Other.of(outlines(digits.train), outlines(digits.heldout))
        write_splits(path, (digits.train, digits.heldout, digits.labels, digits.heldout_labels), about, source)

    return opened("mnist5k_edges", folder / f"mnist5k_edges-{size}.safetensors", build, about, paired=True)


def open_twins(size: int, folder: Path) -> Dataset:
    """Source: grey digits. Target: the same digits turned left by a quarter and each in a saturated colour of its own, shuffled within
    mnist5k's own splits. What the colour was, no grey digit tells."""
    about = {"data": "mnist5k_twins", "size": str(size), "version": "1"}

    def build(path: Path) -> None:
        digits = open_mnist5k(size, folder)
        assert digits.labels is not None
        assert digits.heldout_labels is not None
        draws = torch.Generator().manual_seed(SEED)
        train, labels = _twins(digits.train, digits.labels, draws)
        heldout, heldout_labels = _twins(digits.heldout, digits.heldout_labels, draws)
        write_splits(path, (train, heldout, labels, heldout_labels), about, Other.of(digits.train, digits.heldout))

    return opened("mnist5k_twins", folder / f"mnist5k_twins-{size}.safetensors", build, about)


def outlines(digits: Tensor) -> Tensor:
    """uint8 (N, 1, H, W) → uint8 (N, 1, H, W): 255 on the pixels beside a digit, which touch its ink but have none."""
    ink = (digits >= INK).float()
    return ((max_pool2d(ink, 3, 1, 1) - ink) * 255).to(torch.uint8)


def _twins(digits: Tensor, labels: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    order = torch.randperm(len(digits), generator=draws)
    turned = torch.rot90(digits[order], 1, (2, 3)).float()  # (N, 1, H, W)
    colours = saturated(torch.rand(len(digits), generator=draws))
    return (turned * colours[:, :, None, None]).round_().to(torch.uint8), labels[order]


def saturated(hue: Tensor) -> Tensor:
    """Hues (N,) in [0, 1) → RGB (N, 3) in [0, 1] of full saturation and brightness: red 0, green ⅓, blue ⅔."""
    apart = (hue[:, None] - torch.tensor([0.0, 1 / 3, 2 / 3])).remainder(1)  # from each primary, on the circle
    return (2 - 6 * torch.minimum(apart, 1 - apart)).clamp(0, 1)

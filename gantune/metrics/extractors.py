"""What turns examples into features. Metrics on different features are different metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gantune.data.dataset import to_unit
from gantune.data.pictures import fit, resize
from gantune.errors import UserError, did_you_mean
from gantune.metrics import mnist_cnn
from gantune.metrics.inception import open_inception
from gantune.metrics.settings import EXTRACTORS

RAW_WIDEST = 4096  # dimensions; a covariance of more does not fit or say anything
DIGIT_DATA = frozenset({"mnist5k", "mnist5k_edges", "mnist5k_twins", "mnist", "fashion_mnist"})

Extraction = tuple[Tensor, Tensor | None]  # features (n, d) float32; class logits (n, classes) of the data's own classifier


@dataclass(frozen=True)
class Extractor:
    """`extract` takes uint8 images (n, C, H, W), or points (n, 2), on its device, at most `batch` at a time."""

    name: str
    weights_hash: str
    resize: str  # how images reach the network's size, in words
    batch: int
    extract: Callable[[Tensor], Extraction]

    def __call__(self, examples: Tensor, device: torch.device) -> Extraction:
        """Features, and logits where the extractor has them, of any number of examples; on `device`."""
        with torch.no_grad():
            parts = [self.extract(part.to(device)) for part in torch.split(examples, self.batch)]
        logits = [part[1] for part in parts if part[1] is not None]
        return torch.cat([part[0] for part in parts]), torch.cat(logits) if logits else None


def choose(extractor: str, data: str, shape: tuple[int, ...]) -> str:
    """The extractor that `auto` stands for: mnist_cnn for digits and their like, raw for points, none for queries, else inception.
    `UserError` for any other than `auto` on queries.
    """
    if len(shape) == 2:
        if extractor != "auto":
            raise UserError(
                f"extractor {extractor}: {data} holds queries, whose rankings have no features to extract; leave extractor out."
            )
        return "none"
    if extractor != "auto":
        return extractor
    if len(shape) == 1:
        return "raw"
    return "mnist_cnn" if data in DIGIT_DATA else "inception"


def open_extractor(name: str, shape: tuple[int, ...], device: torch.device, weights: str | None = None) -> Extractor:
    """The extractor called `name` for examples of `shape`. `UserError` when there is none, or it cannot read them."""
    if name not in EXTRACTORS:
        raise UserError(f"unknown extractor {name!r}. {did_you_mean(name, (*EXTRACTORS, 'auto'))}")
    if weights is not None and name != "inception":
        raise UserError(f"extractor {name}: takes no weights (got {weights}); they belong to inception.")
    if len(shape) == 1 and name != "raw":
        raise UserError(f"extractor {name}: reads pictures, and these are points in {shape[0]} dimensions; use raw.")
    if name == "raw":
        return _raw(shape)
    if name == "mnist_cnn":
        return _mnist_cnn(shape, device)
    extract, weights_hash = open_inception(Path(weights) if weights else None, device)
    batch = 128 if device.type == "cuda" else 16
    return Extractor(name, weights_hash, "bilinear to 299 as in TensorFlow 1", batch, lambda images: (extract(images), None))


def _raw(shape: tuple[int, ...]) -> Extractor:
    width = torch.Size(shape).numel()
    if width > RAW_WIDEST:
        size = "x".join(map(str, shape))
        raise UserError(f"extractor raw: pictures of {size} have {width} dimensions, and it takes {RAW_WIDEST} at most; use inception.")
    return Extractor("raw", "none", "none", 4096, lambda examples: (to_unit(examples).flatten(1).float(), None))


def _mnist_cnn(shape: tuple[int, ...], device: torch.device) -> Extractor:
    net, weights_hash = mnist_cnn.load()
    net = net.to(device)

    def extract(images: Tensor) -> Extraction:
        side = mnist_cnn.SIZE
        square = images.shape[-2] == images.shape[-1]
        x = to_unit(fit(images, side)) if square else resize(to_unit(images), side)
        if x.shape[1] == 1:
            features, logits = net(x)
            return features, logits
        features, _ = net(x.flatten(0, 1).unsqueeze(1))  # each channel as a grey picture of its own
        return features.view(len(x), -1), None

    resizing = "28 padded to 32, else bilinear antialiased to 32"
    return Extractor("mnist_cnn", weights_hash, resizing if shape[0] == 1 else f"{resizing}; channels apart", 250, extract)

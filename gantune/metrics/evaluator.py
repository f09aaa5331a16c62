"""Measures generated samples against a data set; what `Trial` calls at every report."""

from __future__ import annotations

import dataclasses
import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gantune.data.cache import cache_root, cached
from gantune.data.dataset import Dataset, content_hash, to_bytes
from gantune.data.tensorfile import write
from gantune.errors import UserError
from gantune.families.base import Samples
from gantune.metrics.agreement import attribute_agreement, code_agreement, l1, label_agreement
from gantune.metrics.c2st import C2ST, c2st
from gantune.metrics.extractors import choose, open_extractor
from gantune.metrics.frechet import frechet_to
from gantune.metrics.inception_score import inception_score
from gantune.metrics.kid import kid
from gantune.metrics.mixtures import mode_features, mode_metrics
from gantune.metrics.neighbours import neighbour_metrics
from gantune.metrics.probe import Probe, open_probe
from gantune.metrics.real_side import RealSide, key_of, real_side, rows_of
from gantune.metrics.settings import MetricSettings

VERSION = "1"  # raised whenever a metric changes its meaning
ASKED = frozenset({"label_agreement", "l1", "fid_back", "fid_both", "cycle_error"})  # not measured of every sample
KID_SUBSETS, KID_SUBSET_SIZE = 20, 500


class Evaluator:
    """`evaluator(samples)` is a dict of metrics by the names of gantune.signals.

    Images are rounded to 8 bits first, so that a value equals that of the saved pictures. Opening one costs the real side's
    statistics once; they are kept in `cache`. `UserError` when the extractor does not fit the data or cannot be had.
    """

    def __init__(self, dataset: Dataset, settings: MetricSettings, device: torch.device, cache: Path | None = None) -> None:
        self.dataset, self.device = dataset, device
        name = choose(settings.extractor, dataset.name, dataset.shape)
        n_train = len(dataset.train)
        if settings.n_real > n_train:
            raise UserError(f"metrics: n_real {settings.n_real} is more than the {n_train} training examples of {dataset.name}.")
        self.settings = dataclasses.replace(settings, extractor=name, n_real=settings.n_real or n_train)
        self.extractor = open_extractor(name, dataset.shape, device, settings.weights)
        self._cache = cache_root(cache)
        self.real = real_side(dataset.train, dataset.fingerprint, self.settings.n_real, self.extractor, device, self._cache)

    def __call__(self, samples: Samples, *, seed: int = 0) -> dict[str, float]:
        """Metrics of `samples.x` (n_fake, *shape) in [-1, 1] and of what else they carry; all NaN where one is not finite.

        `seed` chooses subsets and halves.
        """
        fake = samples.x
        if tuple(fake.shape) != (self.settings.n_fake, *self.dataset.shape):
            wanted = (self.settings.n_fake, *self.dataset.shape)
            raise ValueError(f"this evaluator measures samples of shape {wanted}, got {tuple(fake.shape)}")
        if not all(bool(torch.isfinite(part).all()) for part in (fake, samples.back) if part is not None):
            asked = _asked(samples)
            return {name: math.nan for name in {*self.floor, "l1", "cycle_error"} if name not in ASKED or name in asked}
        metrics, features = self._measure(self._stored(fake), seed)
        return metrics | self._as_asked(samples, features) | self._both_ways(samples, metrics["fid"])

    @cached_property
    def floor(self) -> dict[str, float]:
        """The same metrics of real, held-out examples: what a perfect generator would read from as many samples.

        They are `n_fake`, or all there are (`n_floor` in `provenance`). Fewer samples read higher, so that a good generator's value
        from more samples than that may lie below.
        """
        about = {key: str(value) for key, value in self.provenance.items()} | {"labels": self._labels_hash}

        def build(path: Path) -> None:
            n, labels, source = self.settings.n_fake, self.dataset.heldout_labels, self.dataset.heldout_source
            measured, features = self._measure(self.dataset.heldout[:n], seed=0)
            measured |= self._as_told(features, y=None if labels is None else labels[:n].to(self.device))
            if source is not None:
                measured |= self._back(source[:n], measured["fid"])
            write(path, {name: np.array([value]) for name, value in measured.items()}, about)

        arrays, _ = cached(self._cache / "floor" / f"{key_of(about)}.safetensors", build, about)
        return {name: float(value[0]) for name, value in arrays.items()}

    def c2st_controls(self, untrained: Samples, *, seed: int = 0) -> dict[str, C2ST]:
        """What stands beside every C2ST: `real` (held-out against training, its floor) and `untrained` (must be detected)."""
        sides = {"real": self.dataset.heldout[: self.settings.n_fake], "untrained": self._stored(untrained.x)}
        return {name: self._c2st(self.extractor(side, self.device)[0], seed) for name, side in sides.items()}

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything a value depends on besides the samples. Values with different provenance are not comparable."""
        return {
            "extractor": self.settings.extractor,
            "weights_hash": self.extractor.weights_hash,
            "resize": self.extractor.resize,
            "split": "train",
            "n_real": self.settings.n_real,
            "n_fake": self.settings.n_fake,
            "n_floor": min(self.settings.n_fake, len(self.dataset.heldout)),
            "data": self.dataset.name,
            "shape": list(self.dataset.shape),
            "fingerprint": self.dataset.fingerprint,
            "version": VERSION,
        }

    def _stored(self, fake: Tensor) -> Tensor:
        """Generated examples as the data set stores its own."""
        return to_bytes(fake) if self.dataset.form.is_image else fake.float()

    @cached_property
    def _labels_hash(self) -> str:
        sides = [part.numpy() for part in (self.dataset.labels, self.dataset.heldout_labels) if part is not None]
        return content_hash(*sides)

    @cached_property
    def _probe(self) -> Probe | None:
        """What reads labels off features; None for data without labels. Its mistakes on real examples are in the floor."""
        form, labels = self.dataset.form, self.dataset.labels
        width = form.classes or form.attributes
        if labels is None or not width:
            return None
        features = self.real.features
        of_features = labels[rows_of(len(labels), self.settings.n_real)[: len(features)]]
        about = {
            name: str(self.provenance[name]) for name in ("data", "shape", "fingerprint", "extractor", "weights_hash", "resize", "n_real")
        }
        about["labels"] = self._labels_hash
        return open_probe(features, of_features, width, about, self._cache)

    def _as_asked(self, samples: Samples, features: Tensor) -> dict[str, float]:
        """Of generators that are told what to make: whether they made it."""
        found = self._as_told(features, samples.y, samples.code)
        if samples.target is not None:
            found["l1"] = l1(samples.x, samples.target)
        return found

    def _as_told(self, features: Tensor, y: Tensor | None, code: Tensor | None = None) -> dict[str, float]:
        """Whether the probe finds in `features` the label `y` or the code that they were made from."""
        if (y is None and code is None) or self._probe is None:
            return {}
        logits = self._probe(features)
        if y is not None:
            return {"label_agreement": (label_agreement if y.ndim == 1 else attribute_agreement)(logits, y)}
        assert code is not None
        return {"label_agreement": code_agreement(logits, code)} if self.dataset.form.classes else {}

    def _both_ways(self, samples: Samples, fid: float) -> dict[str, float]:
        """Of generators between two domains: the way back, and the round trip."""
        found: dict[str, float] = {}
        if samples.back is not None:
            found |= self._back(self._stored(samples.back), fid)
        if samples.cycle is not None:
            found["cycle_error"] = float(samples.cycle.double().mean())
        return found

    def _back(self, examples: Tensor, fid: float) -> dict[str, float]:
        features, _ = self.extractor(examples, self.device)
        back = frechet_to(self._other.gaussian, features)
        return {"fid_back": back, "fid_both": (fid + back) / 2}

    @cached_property
    def _other(self) -> RealSide:
        """The real side of the other domain, read with the same extractor."""
        source = self.dataset.source
        assert source is not None, "only data of two domains have a way back"
        n_real = min(self.settings.n_real, len(source))
        return real_side(source, f"{self.dataset.fingerprint}/source", n_real, self.extractor, self.device, self._cache)

    def _measure(self, examples: Tensor, seed: int) -> tuple[dict[str, float], Tensor]:
        features, logits = self.extractor(examples, self.device)
        real = self.real
        metrics = {"fid": frechet_to(real.gaussian, features)}
        size = max(2, min(KID_SUBSET_SIZE, len(features) // 2, len(real.features)))
        metrics["kid"], metrics["kid_std"] = kid(features, real.features, subsets=KID_SUBSETS, subset_size=size, seed=seed % 2**32)
        metrics |= neighbour_metrics(real.features, features, real.radii, real.radii_wide)
        test = self._c2st(features, seed)
        metrics |= {"c2st_loss": test.loss, "jsd_low": test.low, "jsd_high": test.high}
        if logits is not None:
            metrics["inception_score"] = inception_score(logits)
        if self.dataset.modes is not None and self.dataset.mode_std is not None:
            metrics |= mode_metrics(examples, self.dataset.modes.to(examples.device), self.dataset.mode_std)
        return metrics, features

    def _c2st(self, features: Tensor, seed: int) -> C2ST:
        real = self.real.features
        if self.dataset.modes is not None and self.dataset.mode_std is not None:
            modes = self.dataset.modes.to(self.device)
            real, features = (mode_features(side, modes, self.dataset.mode_std) for side in (real, features))
        return c2st(real, features, seed=seed)


def _asked(samples: Samples) -> set[str]:
    """Which of `ASKED` samples are measured by."""
    told = samples.y if samples.y is not None else samples.code
    having = {
        "label_agreement": told,
        "l1": samples.target,
        "fid_back": samples.back,
        "fid_both": samples.back,
        "cycle_error": samples.cycle,
    }
    return {name for name, part in having.items() if part is not None}

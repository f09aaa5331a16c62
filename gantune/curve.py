"""A trial's reports as the stop rules read them: arrays over kimg, windows in kimg, and whether quality still improves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gantune.families.base import Equilibrium
from gantune.signals import Point

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

USUAL_BUDGET_KIMG = 60.0  # read patience against this where no budget is given
MEASURED_SHARE = 0.5  # a window of which less was measured says nothing


@dataclass(frozen=True)
class Curve:
    """The reports of one trial, in order of kimg.

    A report speaks for the stretch of training since the one before it. Windows and shares are weighed by these stretches in kimg, so
    that splitting a report in two changes no reading.
    """

    points: tuple[Point, ...]
    equilibrium: Equilibrium | None
    objective: str
    mode: str
    budget_kimg: float

    @classmethod
    def of(
        cls,
        points: Sequence[Point],
        *,
        equilibrium: Equilibrium | None,
        objective: str = "fid",
        mode: str = "min",
        budget_kimg: float | None = None,
    ) -> Curve:
        """From reports in order. `budget_kimg` is what a default patience is a share of; 60 kimg where it is None."""
        kimg = [point["kimg"] for point in points]
        if any(later <= earlier for earlier, later in itertools.pairwise(kimg)):
            raise ValueError(f"reports must come in order of kimg, each once: {kimg}")
        return cls(tuple(points), equilibrium, objective, mode, budget_kimg or USUAL_BUDGET_KIMG)

    def until(self, kimg: float) -> Curve:
        """The curve as it stood at `kimg`."""
        points = tuple(point for point in self.points if point["kimg"] <= kimg)
        return Curve(points, self.equilibrium, self.objective, self.mode, self.budget_kimg)

    @property
    def kimg(self) -> Array:
        """(T,) where the reports stand."""
        return self.get("kimg")

    @property
    def span(self) -> float:
        """kimg trained so far."""
        return self.points[-1]["kimg"] if self.points else 0.0

    def get(self, name: str) -> Array:
        """(T,) values of a signal, NaN where a report lacks it."""
        return np.array([point.get(name, np.nan) for point in self.points], dtype=np.float64)

    @property
    def quality(self) -> Array:
        """(T,) the objective turned so that lower is better; NaN where missing or not finite."""
        values = self.get(self.objective)
        return np.where(np.isfinite(values), values if self.mode == "min" else -values, np.nan)

    @property
    def gap(self) -> Array:
        """(T,) the honest d_loss minus its equilibrium, as a share of the family's scale: held-out where measured, else training's.

        Below 0 the discriminator beats chance; at -1 it separates perfectly.
        """
        assert self.equilibrium is not None
        assert self.equilibrium.scale is not None
        heldout = self.get("d_loss_heldout")
        loss = heldout if np.isfinite(heldout).any() else self.get("d_loss")
        return (loss - self.equilibrium.value) / self.equilibrium.scale

    def best(self) -> float | None:
        """The objective's best value so far, None when there is none."""
        at = self._best_index()
        return None if at is None else self.points[at][self.objective]

    def best_kimg(self) -> float | None:
        """Where that value was first reached."""
        at = self._best_index()
        return None if at is None else self.points[at]["kimg"]

    def patience(self, kimg: float, share: float) -> float:
        """`kimg` where it is given (above 0), else `share` of the budget; never less than two reports, as one shows no trend."""
        spacing = float(np.diff(self.kimg, prepend=0.0).max(initial=0.0))
        return max(kimg if kimg > 0 else share * self.budget_kimg, 2 * spacing)

    def covers(self, kimg: float) -> bool:
        """Whether the last `kimg` lie within the training of both players (a warm-up of D alone does not count)."""
        return self.span - self._generator_start() >= kimg - 1e-9

    def stretches(self, start: float, stop: float) -> Array:
        """(T,) kimg that each report speaks for within (start, stop]."""
        kimg = self.kimg
        before = np.concatenate([[0.0], kimg[:-1]])
        inside: Array = np.maximum(0.0, np.minimum(kimg, stop) - np.maximum(before, start))
        return inside

    def is_measured(self, values: Array, kimg: float) -> bool:
        """Whether at least half of the last `kimg` has finite `values`."""
        weights = self.stretches(self.span - kimg, self.span)
        return float(weights[np.isfinite(values)].sum()) >= MEASURED_SHARE * kimg - 1e-9

    def held(self, mask: Mask, values: Array, kimg: float) -> bool:
        """Whether `mask` was true wherever `values` are finite in the last `kimg`: trained whole, and measured for half of it at least."""
        if not self.covers(kimg) or not self.is_measured(values, kimg):
            return False
        judged = np.isfinite(values) & (self.stretches(self.span - kimg, self.span) > 1e-9)
        return bool(mask[judged].all())

    def median(self, values: Array, start: float, stop: float) -> float:
        """Median of `values` over (start, stop], weighed by kimg; NaN when nothing was measured there."""
        weights = self.stretches(start, stop)
        known = np.isfinite(values) & (weights > 1e-9)
        if not known.any():
            return float("nan")
        order = np.argsort(values[known], kind="stable")
        mass = np.cumsum(weights[known][order])
        return float(values[known][order][np.searchsorted(mass, mass[-1] / 2 - 1e-9)])

    def moved(self, values: Array, kimg: float) -> float:
        """By how much the median of `values` over the later half of the last `kimg` lies above that of the earlier half; NaN where either
        half has none."""
        now = self.span
        middle = now - kimg / 2
        return self.median(values, middle, now) - self.median(values, now - kimg, middle)

    def quality_has_plateaued(self, patience_kimg: float, improvement: float = 0.02, recovery: float = 0.1) -> bool:
        """Whether the objective neither beat its earlier best by a share `improvement` in the last `patience_kimg`, nor is on its way down.

        On its way down: the median of the window's later half lies a share `recovery` below that of its earlier half. False while
        there is too little to tell.
        """
        quality, now = self.quality, self.span
        start = now - patience_kimg
        if not self.covers(patience_kimg) or not self.is_measured(quality, patience_kimg):
            return False
        known = np.isfinite(quality)
        earlier = quality[known & (self.stretches(0.0, start) > 1e-9)]
        recent = quality[known & (self.stretches(start, now) > 1e-9)]
        if earlier.size == 0:
            return False
        best = float(earlier.min())
        if float(recent.min()) < best - improvement * abs(best):
            return False
        middle = now - patience_kimg / 2
        first, second = self.median(quality, start, middle), self.median(quality, middle, now)
        return not second < first - recovery * abs(first)

    def has_taken_off(self, share: float) -> bool:
        """Whether the objective is a `share` better than where it was first measured."""
        known = self.quality[np.isfinite(self.quality)]
        return known.size > 0 and float(known.min()) <= known[0] - share * abs(known[0])

    def _best_index(self) -> int | None:
        quality = self.quality
        return int(np.nanargmin(quality)) if np.isfinite(quality).any() else None

    def _generator_start(self) -> float:
        """kimg up to which G had not trained; 0 where reports do not count its images."""
        idle = [point["kimg"] for point in self.points if point.get("g_images", 1.0) == 0]
        return max(idle, default=0.0)

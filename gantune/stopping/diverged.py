"""Diverged: losses that are no numbers any more, or that have exploded for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gantune.curve import Curve
from gantune.params import param
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import Reason, Verdict

LOSSES = ("d_loss", "g_loss")
NORMS = ("d_grad_norm", "g_grad_norm")
PATIENCE_SHARE = 0.15


@dataclass(frozen=True)
class Diverged(Rule):
    """Stop when a loss or gradient is NaN, or when an objective, loss or gradient norm stays infinite or huge.

    A NaN loss puts NaN into the weights within that step, so it needs no patience. A single spike does not count.
    """

    loss_limit: float = param(1e3, "size of a loss that counts as exploded", low=0, open_low=True)
    norm_limit: float = param(1e5, "gradient norm that counts as exploded", low=0, open_low=True)
    patience_kimg: float = param(0.0, "kimg for which that must hold; 0 takes 0.15 of the budget", low=0)

    reason: ClassVar[Reason] = Reason.DIVERGED

    def __call__(self, curve: Curve) -> Verdict:
        if not curve.points:
            return Verdict.CONTINUE
        last = curve.points[-1]
        for name in (*LOSSES, *NORMS):
            if np.isnan(last.get(name, 0.0)):
                return Verdict.halt(self.reason, f"{name} is NaN at {curve.span:g} kimg")
        patience = curve.patience(self.patience_kimg, PATIENCE_SHARE)
        for name in (*LOSSES, "d_loss_heldout", *NORMS, curve.objective):
            if self._stays_beyond(curve, name, patience):
                return Verdict.halt(self.reason, f"{name} not finite or beyond {self._limit(name):g} for {patience:g} kimg")
        return Verdict.CONTINUE

    def _limit(self, name: str) -> float:
        return self.norm_limit if name in NORMS else self.loss_limit if name in LOSSES else float("inf")

    def _stays_beyond(self, curve: Curve, name: str, patience: float) -> bool:
        """Whether every report within `patience` that has `name` shows it broken, the latest among them."""
        if curve.span < patience or name not in curve.points[-1]:
            return False
        weights = curve.stretches(curve.span - patience, curve.span)
        values = np.array([point[name] for point, kimg in zip(curve.points, weights, strict=True) if kimg > 1e-9 and name in point])
        return bool((~np.isfinite(values) | (np.abs(values) >= self._limit(name))).all())

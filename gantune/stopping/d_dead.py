"""D is dead: it says the same about everything, or never beat chance where a fresh classifier does at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gantune.curve import Curve
from gantune.params import param
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import Reason, Verdict

PATIENCE_SHARE = 0.2
LEAD = 0.05  # share of the scale (0.035 nats for ln 2) that counts as having beaten chance
FALL = 0.2  # share of the scale by which D's loss falls from one half of the patience to the other where it learns
NEAR = 0.1  # share of the scale that counts as sitting at the equilibrium


@dataclass(frozen=True)
class DDead(Rule):
    """Stop when D teaches nothing: a loss at ln 2 from the start is no equilibrium.

    Three ways to tell: D's outputs do not differ; D gets no gradient at the equilibrium value; D was never better than
    chance, on training batches or on held-out data, nor is its loss falling, while a fresh classifier separates easily. Each must hold
    for the patience, and quality must have stopped improving.
    """

    silent: float = param(1e-3, "std of D's outputs that counts as none", low=0)
    no_gradient: float = param(1e-5, "norm of D's gradient that counts as none", low=0)
    c2st: float = param(
        0.35, "nats of c2st_loss below which a fresh classifier separates easily (ln 2: it cannot)", low=0, high=math.log(2)
    )
    patience_kimg: float = param(0.0, "kimg for which this must hold; 0 takes a fifth of the budget", low=0)

    reason: ClassVar[Reason] = Reason.D_DEAD

    def __call__(self, curve: Curve) -> Verdict:
        patience = curve.patience(self.patience_kimg, PATIENCE_SHARE)
        evidence = self._silent(curve, patience) or self._stuck(curve, patience)
        if evidence is None or not curve.quality_has_plateaued(patience):
            return Verdict.CONTINUE
        return Verdict.halt(self.reason, f"{evidence}, for {patience:g} kimg, {curve.objective} not improving (best {curve.best():.4g})")

    def _silent(self, curve: Curve, patience: float) -> str | None:
        std = curve.get("logit_std")
        if curve.held(std <= self.silent, std, patience):
            return f"D's outputs differ by {std[np.isfinite(std)][-1]:.1g} only"
        return None

    def _stuck(self, curve: Curve, patience: float) -> str | None:
        if curve.equilibrium is None or curve.equilibrium.scale is None:
            return None
        gap, norm, c2st = curve.gap, curve.get("d_grad_norm"), curve.get("c2st_loss")
        if curve.held(norm <= self.no_gradient, norm, patience) and curve.held(np.abs(gap) <= NEAR, gap, patience):
            return f"D's gradient norm {norm[np.isfinite(norm)][-1]:.1g} at d_loss {curve.get('d_loss')[-1]:.3g}"
        training = (curve.get("d_loss") - curve.equilibrium.value) / curve.equilibrium.scale
        lead = np.fmin(gap, training)  # an over-confident D is worse than chance on held-out data, yet it has learnt
        never_led = curve.held(lead >= -LEAD, lead, patience) and bool((lead[np.isfinite(lead)] >= -LEAD).all())
        is_learning = curve.moved(training, patience) < -FALL  # a D that was outrun, and is on its way back
        if never_led and not is_learning and curve.held(c2st <= self.c2st, c2st, patience):
            return f"D never beat chance, a fresh classifier does (c2st_loss {c2st[np.isfinite(c2st)][-1]:.2g})"
        return None

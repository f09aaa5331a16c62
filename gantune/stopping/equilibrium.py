"""Equilibrium: D has settled at chance after having beaten it, and the generator does not get better any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gantune.curve import Curve
from gantune.params import param
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import Reason, Verdict

PATIENCE_SHARE = 0.2


@dataclass(frozen=True)
class AtEquilibrium(Rule):
    """Stop when the honest d_loss has come back to the family's equilibrium and stays there, with quality no longer improving.

    d_loss near ln 2 is no sign of success by itself: a fresh D sits at chance, too, so it must have led before. Distances are shares of
    the family's scale, so that they mean the same for every loss. Silent while the noise on D's inputs changes, since then the losses
    of two reports are about two different pairs of distributions.
    """

    tolerance: float = param(0.029, "share of the scale around the equilibrium value; 0.02 nats for ln 2", low=0, high=1, open_low=True)
    lead: float = param(
        0.144, "share of the scale below chance that counts as having learnt; 0.10 nats for ln 2", low=0, high=1, open_low=True
    )
    patience_kimg: float = param(0.0, "kimg for which it must have settled; 0 takes a fifth of the budget", low=0)

    reason: ClassVar[Reason] = Reason.EQUILIBRIUM
    needs_scale: ClassVar[bool] = True

    def __call__(self, curve: Curve) -> Verdict:
        patience = curve.patience(self.patience_kimg, PATIENCE_SHARE)
        gap = curve.gap
        has_learnt = bool((gap[np.isfinite(gap)] < -self.lead).any())
        settled = curve.held(np.abs(gap) <= self.tolerance, gap, patience)
        if not has_learnt or not settled or _noise_changes(curve, patience) or not curve.quality_has_plateaued(patience):
            return Verdict.CONTINUE
        assert curve.equilibrium is not None
        evidence = f"within {self.tolerance:.2g} of the scale around {curve.equilibrium.value:.3g} for {patience:g} kimg, "
        return Verdict.halt(self.reason, evidence + f"{curve.objective} not improving (best {curve.best():.4g})")


def _noise_changes(curve: Curve, kimg: float) -> bool:
    noise = curve.get("noise")
    recent = noise[np.isfinite(noise) & (curve.stretches(curve.span - kimg, curve.span) > 1e-9)]
    return recent.size > 0 and bool(np.ptp(recent) > 1e-9)

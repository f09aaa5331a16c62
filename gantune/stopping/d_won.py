"""D won: the discriminator separates perfectly and the generator gets nothing out of it any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gantune.curve import Curve
from gantune.params import param
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import Reason, Verdict

PATIENCE_SHARE = 0.25
SEPARATION = 1.3  # logit_spread / logit_std: 2 for two points, 1.3 for two normals 1.7 of their own std apart to either side


@dataclass(frozen=True)
class DWon(Rule):
    """Stop when D's loss lies on its floor, D is right about nearly everything, and quality has not improved for long.

    A discriminator far ahead is no reason to stop while quality improves: good DCGANs train with d_loss at a tenth of ln 2 and
    accuracy above .94. Critics have no floor and are meant to be ahead, so this rule is silent for them.
    """

    advantage: float = param(0.95, "share of the way from equilibrium to perfect separation that d_loss has gone", low=0, high=1)
    accuracy: float = param(0.98, "D's accuracy on real and on generated examples", low=0.5, high=1)
    vanished: float = param(1e-4, "norm of G's gradient that counts as none, in place of the loss at its floor", low=0)
    patience_kimg: float = param(0.0, "kimg for which all this must hold; 0 takes 0.25 of the budget", low=0)

    reason: ClassVar[Reason] = Reason.D_WON
    needs_scale: ClassVar[bool] = True

    def __call__(self, curve: Curve) -> Verdict:
        patience = curve.patience(self.patience_kimg, PATIENCE_SHARE)
        accuracy = np.minimum(curve.get("d_acc_real"), curve.get("d_acc_fake"))
        if not curve.held(accuracy >= self.accuracy, accuracy, patience) or not self._separates(curve, patience):
            return Verdict.CONTINUE
        assert curve.equilibrium is not None
        assert curve.equilibrium.scale is not None
        loss = curve.get("d_loss")
        ahead = (curve.equilibrium.value - loss) / curve.equilibrium.scale
        at_floor = curve.held(ahead >= self.advantage, loss, patience)
        gradient = curve.get("g_grad_norm")
        vanished = curve.held(gradient <= self.vanished, gradient, patience)
        if not (at_floor or vanished) or not curve.quality_has_plateaued(patience):
            return Verdict.CONTINUE
        what = f"d_loss {loss[-1]:.2g}" if at_floor else f"G's gradient norm {gradient[-1]:.2g}"
        evidence = f"{what}, D right on {accuracy[-1]:.1%} for {patience:g} kimg, {curve.objective} not improving (best {curve.best():.4g})"
        return Verdict.halt(self.reason, evidence)

    @staticmethod
    def _separates(curve: Curve, patience: float) -> bool:
        spread, std = curve.get("logit_spread"), curve.get("logit_std")
        if not np.isfinite(spread).any() or not np.isfinite(std).any():
            return True  # accuracy has to speak alone
        return curve.held(spread >= SEPARATION * std, spread + std, patience)

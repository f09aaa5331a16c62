"""Plateau: quality has not improved for long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gantune.curve import Curve
from gantune.params import param
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import Reason, Verdict

PATIENCE_SHARE = 0.35
GRACE_SHARE = 0.4
SLOW_SHARE = 0.7


@dataclass(frozen=True)
class Plateau(Rule):
    """Stop when the objective's best value has stood for the patience, and the curve is not on its way back to it.

    A trial whose objective has not yet improved on its first value by the share `take_off` may still begin to learn, and gets the longer
    grace `slow_start_kimg`: canonical DCGANs on digits leave noise after half of a short budget, InfoGANs get worse for a quarter of it and
    are back where they began after 0.6.
    """

    improvement: float = param(0.02, "share of its earlier best by which quality must improve", low=0, high=1)
    grace_kimg: float = param(0.0, "kimg before which this rule is silent; 0 takes 0.4 of the budget", low=0)
    take_off: float = param(0.3, "share of its first value by which the objective must have improved to have left its start", low=0, high=1)
    slow_start_kimg: float = param(0.0, "grace of a trial that has not yet left its first value; 0 takes 0.7 of the budget", low=0)
    patience_kimg: float = param(0.0, "kimg without improvement; 0 takes 0.35 of the budget", low=0)

    reason: ClassVar[Reason] = Reason.PLATEAU

    def __call__(self, curve: Curve) -> Verdict:
        patience = curve.patience(self.patience_kimg, PATIENCE_SHARE)
        grace = (self.grace_kimg, GRACE_SHARE) if curve.has_taken_off(self.take_off) else (self.slow_start_kimg, SLOW_SHARE)
        if not curve.covers(curve.patience(*grace)) or not curve.quality_has_plateaued(patience, self.improvement):
            return Verdict.CONTINUE
        evidence = f"{curve.objective} improved by less than {100 * self.improvement:g}% in {patience:g} kimg (best {curve.best():.4g})"
        return Verdict.halt(self.reason, evidence)

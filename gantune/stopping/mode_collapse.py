"""Mode collapse: the generator covers next to nothing of the data, and that does not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gantune.curve import Curve
from gantune.params import param
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import Reason, Verdict

PATIENCE_SHARE = 0.25
GRACE_SHARE = 0.35
RISE = 0.5  # of a limit, from the earlier half of the window to the later: diversity that has begun to come


@dataclass(frozen=True)
class ModeCollapse(Rule):
    """Stop when every measure of diversity that is reported stays near 0, none of them rises, and quality does not improve.

    Not in the beginning, when every generator is that bad. What is generated must also lie on the data, by `precision` or for mixtures
    by `hq_share`: a generator of noise, and one not yet out of its slow start, hits none of it and is bad, not collapsed.
    """

    recall: float = param(0.02, "recall that counts as none", low=0, high=1)
    coverage: float = param(0.05, "coverage that counts as none", low=0, high=1)
    modes: float = param(2.0, "captured modes of a mixture that count as collapsed", low=0)
    precision: float = param(0.1, "precision from which on what is generated counts as lying on the data", low=0, high=1)
    hq_share: float = param(0.5, "that for mixtures", low=0, high=1)
    grace_kimg: float = param(0.0, "kimg before which this rule is silent; 0 takes 0.35 of the budget", low=0)
    patience_kimg: float = param(0.0, "kimg for which this must hold; 0 takes a quarter of the budget", low=0)

    reason: ClassVar[Reason] = Reason.MODE_COLLAPSE

    def __call__(self, curve: Curve) -> Verdict:
        patience = curve.patience(self.patience_kimg, PATIENCE_SHARE)
        if not curve.covers(curve.patience(self.grace_kimg, GRACE_SHARE)):
            return Verdict.CONTINUE
        limits = {"recall": self.recall, "coverage": self.coverage, "modes": self.modes}
        measured = {name: curve.get(name) for name in limits if np.isfinite(curve.get(name)).any()}
        on_data, least = ("hq_share", self.hq_share) if "modes" in measured else ("precision", self.precision)
        if not curve.median(curve.get(on_data), curve.span - patience, curve.span) >= least:
            return Verdict.CONTINUE
        near_none = [curve.held(values <= limits[name], values, patience) for name, values in measured.items()]
        rises = any(curve.moved(values, patience) > RISE * limits[name] for name, values in measured.items())
        if not near_none or not all(near_none) or rises or not curve.quality_has_plateaued(patience):
            return Verdict.CONTINUE
        shown = ", ".join(f"{name} {values[np.isfinite(values)][-1]:.3g}" for name, values in measured.items())
        return Verdict.halt(self.reason, f"{shown} for {patience:g} kimg, {curve.objective} not improving (best {curve.best():.4g})")

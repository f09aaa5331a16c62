"""The interface of a stop rule: a pure function of a trial's curve, with declared options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from gantune.curve import Curve
from gantune.families.base import Equilibrium
from gantune.stopping.verdict import Reason, Verdict


@dataclass(frozen=True)
class Rule(ABC):
    """Reads a curve and says whether its trial is worth more compute.

    Subclasses are frozen dataclasses whose fields are made with `gantune.params.param`. Patience is in kimg; a `patience_kimg` of 0 takes
    the share of the budget that the class names. A verdict rests on the reports up to now, and not on how densely they came.
    """

    reason: ClassVar[Reason]
    needs_scale: ClassVar[bool] = False  # reads a distance from the family's equilibrium

    @abstractmethod
    def __call__(self, curve: Curve) -> Verdict:
        """The verdict at the curve's last report."""

    def unfit(self, equilibrium: Equilibrium | None) -> str | None:
        """Why this rule cannot speak for a family with this equilibrium; None where it can."""
        if self.needs_scale and (equilibrium is None or equilibrium.scale is None):
            return "it reads the distance of d_loss from an equilibrium, and this family's loss has no such scale"
        return None

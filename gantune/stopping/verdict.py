"""What a stop rule says, and the closed set of reasons for which a trial ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """Why a trial ended. The first three are complete runs; what a rule or the scheduler cut short is pruned; the rest failed.

    HOPELESS is for rules of one's own that give a trial up; no bundled rule says it.
    """

    EQUILIBRIUM = "equilibrium"
    PLATEAU = "plateau"
    BUDGET = "budget"
    D_WON = "d_won"
    D_DEAD = "d_dead"
    MODE_COLLAPSE = "mode_collapse"
    DIVERGED = "diverged"
    HOPELESS = "hopeless"
    ASHA = "asha"
    MEDIAN = "median"
    INFRA = "infra"
    ERROR = "error"
    USER = "user"


COMPLETE = frozenset({Reason.EQUILIBRIUM, Reason.PLATEAU, Reason.BUDGET})
PRUNED = frozenset({Reason.D_WON, Reason.D_DEAD, Reason.MODE_COLLAPSE, Reason.DIVERGED, Reason.HOPELESS, Reason.ASHA, Reason.MEDIAN})
FAILED = frozenset({Reason.INFRA, Reason.ERROR, Reason.USER})


@dataclass(frozen=True)
class Verdict:
    """Go on, or stop for `reason` because of `evidence`: one line that a person can check against the curve."""

    stop: bool
    reason: Reason | None = None
    evidence: str = ""

    CONTINUE: ClassVar[Verdict]

    @classmethod
    def halt(cls, reason: Reason, evidence: str) -> Verdict:
        """Stop for `reason`."""
        return cls(True, reason, evidence)


Verdict.CONTINUE = Verdict(stop=False)

"""The value of the discriminator's loss at equal distributions, for the line in the loss panels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gantune.errors import UserError
from gantune.report.rows import Sweep

LN2 = math.log(2)


@dataclass(frozen=True)
class Line:
    """A level with its label, or none with the reason in words."""

    value: float | None
    label: str


def equilibrium_line(sweep: Sweep) -> Line:
    """The family's equilibrium value when all trials share one, of whatever family."""
    from gantune.config import Config
    from gantune.families import open_family

    ref, data = "", str(sweep.spec.get("data", ""))
    found: set[float | None] = set()
    try:
        for row in sweep.rows[:200]:
            ref = sweep.record.ref_of(row.record)
            family = open_family(ref)
            at = family.equilibrium(Config.of(family, data, row.record.values).hparams)
            found.add(None if at is None else at.value)
    except UserError as error:
        return Line(None, f"The family {ref} could not be opened, so its equilibrium value is not drawn ({error}).")
    if len(found) > 1:
        on = "family" if sweep.is_zoo else "settings"
        return Line(None, f"The equilibrium value depends on the trial's {on}, so no common line is drawn.")
    value = next(iter(found), None)
    if value is None:
        return Line(None, "This family's discriminator loss has no equilibrium value, so no line is drawn.")
    return Line(value, "ln 2" if math.isclose(value, LN2) else f"equilibrium {value:g}")

"""Sweeps over several families: what each family came to."""

from __future__ import annotations

from dataclasses import dataclass

from gantune.report.numbers import number
from gantune.report.rows import NO_VALUE, NOT_RESCORED, STOPPED_EARLY, Row, Sweep

SENTENCE = (
    "Every family's canonical setting was tried first, and all trials were compared at equal kimg. A row compares one run with another, "
    "and families with more trials had more chances: only finalists are re-run."
)


@dataclass(frozen=True)
class FamilyRow:
    """One family's trials."""

    family: str
    rows: tuple[Row, ...]  # in the sweep's order: comparable values first, the best leading
    leading: str  # the settings group of the sweep's best trial

    @property
    def best(self) -> Row | None:
        """Its best trial."""
        return next((row for row in self.rows if row.value is not None), None)

    @property
    def canonical(self) -> Row | None:
        """The trial of its canonical setting."""
        return next((row for row in self.rows if row.record.origin == "canonical"), None)

    @property
    def stopped_early(self) -> int:
        """How many of its trials were stopped to save compute."""
        return sum(row.record.reason in STOPPED_EARLY for row in self.rows)

    def shown(self, row: Row | None) -> str:
        """The trial's value; what was measured in another way than the sweep's best says so."""
        if row is None or row.group == NO_VALUE:
            return "–"
        apart = "" if row.group == self.leading else " while training" if row.group == NOT_RESCORED else " with other settings"
        return f"{number(row.value, 4)}{apart}"


def by_family(sweep: Sweep) -> list[FamilyRow]:
    """The families in the order of their best trials; none for a sweep of one family."""
    if not sweep.is_zoo:
        return []
    found: dict[str, list[Row]] = {}
    for row in sweep.rows:
        found.setdefault(sweep.record.family_of(row.record), []).append(row)
    leading = sweep.best.group if sweep.best else NO_VALUE
    untried = [family for family in sweep.record.families if family not in found]
    return [FamilyRow(family, tuple(rows), leading) for family, rows in found.items()] + [FamilyRow(name, (), leading) for name in untried]

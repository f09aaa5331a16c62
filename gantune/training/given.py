"""What a generator is asked for when it is sampled: labels, codes, held-out pictures to translate, queries."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gantune.data import Dataset, to_unit
from gantune.errors import UserError, did_you_mean
from gantune.families.base import Batch, Family, Form, Samples
from gantune.training.seeds import generator

Part = Literal["report", "score"]
SAMPLE_BATCH = 250
FEW = 100  # held-out examples of which metrics say little


@dataclass(frozen=True)
class Conditions:
    """Conditions from a data set. What is given to a translating or ranking generator is held out from training, one half of it for
    the reports by which a checkpoint is chosen, the other for the score of the checkpoint that was chosen."""

    family: Family[Any, Any]
    arch: Any
    dataset: Dataset
    device: torch.device

    @property
    def are_heldout(self) -> bool:
        """Whether the generator is given held-out examples, of which there are only so many."""
        return self.family.needs in ("pairs", "domains", "queries")

    def count(self, n: int, part: Part) -> int:
        """How many samples can be had where `n` are wanted."""
        return min(n, len(self._rows(part))) if self.are_heldout else n

    @property
    def warning(self) -> str | None:
        """What the user should know where reports can measure few held-out examples only."""
        reports, scores = (len(self._rows(part)) for part in ("report", "score"))
        if not self.are_heldout or reports >= FEW:
            return None
        return f"few held-out examples: reports measure {reports} of them, scores {scores}; metrics of so few tell good from bad at most"

    def __call__(self, n: int, seed: int, part: Part) -> Batch:
        """Conditions for `n` samples; the same for the same seed."""
        source = generator(torch.device("cpu"), seed, "given")
        if self.are_heldout:
            return self._heldout(self._rows(part)[:n])
        labels = self.dataset.labels
        if self.family.needs == "labels":
            assert labels is not None
            return Batch(self._nothing(n), labels[torch.randint(len(labels), (n,), generator=source)].to(self.device))
        codes = self.family.codes(self.arch)
        return Batch(self._nothing(n), torch.randint(codes, (n,), generator=source).to(self.device) if codes else None)

    def for_statistics(self, n: int, seed: int) -> Batch:
        """Conditions for `n` samples that nothing is measured on: random training examples where they are given examples."""
        if not self.are_heldout:
            return self(n, seed, "report")
        data, source = self.dataset, generator(torch.device("cpu"), seed, "given")
        rows = torch.randint(len(data.train), (n,), generator=source)
        partners = rows if data.paired or data.source is None else torch.randint(len(data.source), (n,), generator=source)
        return Batch(
            to_unit(data.train[rows].to(self.device)),
            None if data.labels is None else data.labels[rows].to(self.device),
            None if data.source is None else to_unit(data.source[partners].to(self.device)),
        )

    def for_grid(self, n: int, columns: int) -> Batch:
        """Conditions for a picture of `n` samples: one label or code a row."""
        asked = grid_labels(self.family, self.arch, self.dataset.form, n, columns)
        if asked is not None:
            return Batch(self._nothing(n), asked.to(self.device))
        return self(n, 0, "report")

    def _rows(self, part: Part) -> range:
        available = len(self.dataset.heldout)
        if self.dataset.heldout_source is not None:
            available = min(available, len(self.dataset.heldout_source))
        half = (available + 1) // 2
        return range(half) if part == "report" else range(half, available)

    def _heldout(self, rows: range) -> Batch:
        data, part = self.dataset, slice(rows.start, rows.stop)
        labels, source = data.heldout_labels, data.heldout_source
        return Batch(
            to_unit(data.heldout[part].to(self.device)),
            None if labels is None else labels[part].to(self.device),
            None if source is None else to_unit(source[part].to(self.device)),
        )

    def _nothing(self, n: int) -> Tensor:
        return torch.empty(n, 0, device=self.device)


def grid_labels(family: Family[Any, Any], arch: Any, form: Form, n: int, columns: int) -> Tensor | None:
    """(n,) labels or codes, `columns` of each in turn; None where a family takes none."""
    many = form.classes if family.needs == "labels" else family.codes(arch)
    return torch.arange(n) // columns % many if many else None


def asked_labels(family: Family[Any, Any], arch: Any, form: Form, label: str, n: int) -> Tensor:
    """What a person asks for who writes `label`: (n,) a class or a code by number or name, or (n, A) the attributes that an example shall
    have, by number or name with commas between; it shall not have the others. `UserError` where there is no such thing."""
    if family.needs == "labels" and form.attributes:
        asked = torch.zeros(n, form.attributes, dtype=torch.uint8)
        for name in label.split(","):
            asked[:, _number(name.strip(), form.attributes, form.names, "attribute")] = 1
        return asked
    many, what = (form.classes, "class") if family.needs == "labels" else (family.codes(arch), "code")
    if not many:
        raise UserError(f"family {family.name} is not told what to make, so that it takes no label (got {label!r}). Leave it out.")
    return torch.full((n,), _number(label, many, form.names if what == "class" else (), what))


def _number(label: str, many: int, names: tuple[str, ...], what: str) -> int:
    if label in names:
        return names.index(label)
    if label.isdecimal() and int(label) < many:
        return int(label)
    named = f", or a name. {did_you_mean(label, names)}" if names else "."
    raise UserError(f"label {label!r}: there is no such {what}. It is a number from 0 to {many - 1}{named}")


def in_batches(batch: Batch) -> Iterator[Batch]:
    """The same in parts of at most `SAMPLE_BATCH`."""
    parts = (batch.x, batch.y, batch.source)
    shortest = min(len(part) for part in parts if part is not None)  # domains without pairs may differ in number
    for start in range(0, shortest, SAMPLE_BATCH):
        some = slice(start, min(shortest, start + SAMPLE_BATCH))
        yield Batch(batch.x[some], None if batch.y is None else batch.y[some], None if batch.source is None else batch.source[some])


def joined(parts: list[Samples]) -> Samples:
    """The parts one after another."""
    values = {field.name: [getattr(part, field.name) for part in parts] for field in dataclasses.fields(Samples)}
    together: dict[str, Any] = {name: None if some[0] is None else torch.cat(some) for name, some in values.items()}
    return Samples(**together)

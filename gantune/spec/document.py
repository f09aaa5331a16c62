"""The sweep file's keys and their types, and pydantic's complaints in our words."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gantune.errors import UserError, did_you_mean

MOST_TRIALS = 1_000_000
SEEDS = 2**31 - 10_000  # a trial's seed is below 2**31, and the finalists' are counted up from 1000 above the sweep's
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Named = str | dict[str, dict[str, Any]]  # a name, or {name: options}


class Section(BaseModel):
    """A mapping that has these keys and no others, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ObjectiveSection(Section):
    """What is optimised."""

    metric: str = Field(default="fid", description="a measure of quality")
    mode: Literal["min", "max"] | None = Field(default=None, description="which way is better; follows from the metric")


class BudgetSection(Section):
    """How much is trained."""

    trials: int | None = Field(default=None, ge=1, le=MOST_TRIALS, description="configurations to try")
    kimg: Positive = Field(default=60.0, description="thousands of images a trial may take")
    report_every: Positive | None = Field(default=None, description="kimg between two reports; at most kimg")
    hours: Positive | None = Field(default=None, description="hours of the clock after which the search ends")
    gpu_hours: Positive | None = Field(default=None, description="hours of GPUs after which the search ends")


class FinalistsSection(Section):
    """The best configurations, trained again with fresh seeds."""

    top: int = Field(default=2, ge=0, le=1000, description="how many; 0 is none")
    seeds: int = Field(default=3, ge=1, le=1000, description="runs of each")
    kimg: Positive | None = Field(default=None, description="budget of each run; left out, that of the search")


class ResourcesSection(Section):
    """What one trial occupies."""

    cpu: int = Field(default=1, ge=1, le=1024, description="cores, and threads, of a trial")
    gpu: Annotated[float, Field(ge=0, le=64, allow_inf_nan=False)] | Literal["auto"] = Field(
        default=0.0, description="share of a GPU, a whole number of them, or auto: a memory probe picks the share"
    )


class ScoreSection(Section):
    """How a trial's best checkpoint is measured before it is ranked."""

    n: int = Field(default=4000, ge=2, le=1_000_000, description="fresh samples")


class StorageSection(Section):
    """How much of the disk a sweep may take."""

    checkpoints_gb: Positive | None = Field(
        default=None, description="GB (10^9 bytes) that its checkpoints may take; beyond that those of the worst trials are let go"
    )


class SweepDocument(Section):
    """A sweep: what to run, where to look, for how long."""

    family: str | list[str] = Field(description="a family's name, or ./my_gan.py:MyGAN; a list of them makes the family part of the search")
    space: str | None = Field(default=None, description="a space's name, a file, or ./my_space.py:function; left out, the family's")
    data: str | None = Field(default=None, description="a data set's name, or folder:PATH; left out, the family's own")
    fixed: dict[str, Any] = Field(default_factory=dict, description="parameters that are not searched, with their values")
    objective: str | ObjectiveSection = Field(default_factory=ObjectiveSection, description="what is optimised")
    budget: BudgetSection = Field(default_factory=BudgetSection, description="how much is trained")
    sampler: Named = Field(default="tpe", description="who proposes configurations: a name, or {name: options}")
    scheduler: Named = Field(default="asha", description="who stops the trials that others leave behind: a name, or {name: options}")
    stopping: list[str | dict[str, dict[str, Any]]] | None = Field(default=None, description="stop rules: names, or {name: options}")
    finalists: FinalistsSection = Field(default_factory=FinalistsSection, description="the best, trained again")
    resources: ResourcesSection = Field(default_factory=ResourcesSection, description="what one trial occupies")
    metrics: dict[str, Any] = Field(default_factory=dict, description="how trials are measured")
    score: ScoreSection = Field(default_factory=ScoreSection, description="how the best checkpoint is measured")
    storage: StorageSection = Field(default_factory=StorageSection, description="how much of the disk the sweep may take")
    seed: int = Field(
        default=0, ge=0, lt=SEEDS, description="seed of the sampler and, unless `seed` is fixed or searched, of every trial of the search"
    )


KEYS = tuple(SweepDocument.model_fields)
BRANCHES = ("str", "float", "ObjectiveSection")
NEEDED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "list_type": "a list",
    "finite_number": "a finite number",
}


def validated(content: dict[str, Any], where: Callable[[Sequence[str | int]], str]) -> SweepDocument:
    """The document in `content`; `where` says in messages where a key stands. `UserError` for the first thing that is wrong."""
    try:
        return SweepDocument.model_validate(content)
    except ValidationError as error:
        # a misspelt key explains a missing one; of the branches of a union, the one that got furthest is meant
        first = min(error.errors(), key=lambda entry: (entry["type"] != "extra_forbidden", -len(entry["loc"])))
        keys = _place(first)
        words = [each["ctx"]["expected"] for each in error.errors() if each["type"] == "literal_error" and _place(each) == keys]
        message = where(keys) + _in_words(first["type"], first.get("ctx", {}), first["input"], keys, words)
        raise UserError(message) from None


def _place(error: Any) -> list[str | int]:
    return [key for key in error["loc"] if not _is_branch(key)]


def _in_words(kind: str, context: dict[str, Any], given: Any, keys: Sequence[str | int], words: Sequence[str]) -> str:
    if kind == "missing":
        return "is missing."
    if kind == "extra_forbidden":
        return f"unknown key {str(keys[-1])!r}. {did_you_mean(str(keys[-1]), _siblings(keys))}"
    if kind in NEEDED:
        return f"{NEEDED[kind]}{''.join(f' or {word}' for word in words)} is needed, got {given!r}."
    if kind == "literal_error":
        return f"is {context['expected']}, got {given!r}."
    for name, words in (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most")):
        if name in context:
            limit = context[name]
            return f"is {words} {limit if isinstance(limit, int) else format(limit, 'g')}, got {given!r}."
    return f"cannot be {given!r}."


def _siblings(keys: Sequence[str | int]) -> tuple[str, ...]:
    """The keys that the mapping around the last of `keys` may have."""
    if len(keys) == 1:
        return (*KEYS, "on_gpu")
    annotation = SweepDocument.model_fields[str(keys[0])].annotation
    sections = [kind for kind in (annotation, *typing.get_args(annotation)) if isinstance(kind, type) and issubclass(kind, Section)]
    return tuple(sections[0].model_fields) if sections else ()


def _is_branch(key: str | int) -> bool:
    """Whether part of an error's place names a branch of a union and no key of the file."""
    return isinstance(key, str) and (key in BRANCHES or key.startswith(("dict[", "list[", "literal[", "constrained-")))

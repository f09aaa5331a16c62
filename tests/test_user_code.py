"""Files of the user's own: one loader for families, stop rules and spaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gantune.errors import UserError
from gantune.families import open_family
from gantune.space import open_space
from gantune.stopping import open_rules
from gantune.user_code import run_file

DATACLASS = """from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
from gantune.families.gan import GAN
from gantune.stopping import Rule, Verdict

@dataclass(frozen=True)
class Note:
    count: ClassVar[int] = 0
    text: str = ""

class Mine(GAN):
    name = "mine"

@dataclass(frozen=True)
class Late(Rule):
    def __call__(self, curve):
        return Verdict.CONTINUE

def space(trial):
    return {"lr_g": trial.suggest_float("lr_g", 1e-5, 1e-3)}
"""
OPENERS: dict[str, Callable[[Path], object]] = {
    "family": lambda file: open_family(f"{file}:Mine"),
    "rule": lambda file: open_rules([f"{file}:Late"], None),
    "space": lambda file: open_space(f"{file}:space", "gan"),
}


@pytest.mark.parametrize("kind", OPENERS)
def test_a_dataclass_with_annotations_as_text_opens(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(DATACLASS)
    OPENERS[kind](file)


@pytest.mark.parametrize("kind", OPENERS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [("import nowhere_to_be_found", r"line 1: the file raised ModuleNotFoundError"), ("class (", r"raised SyntaxError: .*line 1")],
)
def test_a_mistake_names_file_and_error(kind: str, text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(UserError, match=rf"{file}.*{expected}"):
        OPENERS[kind](file)


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"where = {folder!r}")
    one, other = (run_file(tmp_path / folder / "mine.py", "") for folder in ("a", "b"))
    assert (one.where, other.where) == ("a", "b")
    assert one.__name__ != other.__name__


def test_annotations_are_evaluated_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(x: int): ...")
    assert run_file(tmp_path / "mine.py", "").f.__annotations__ == {"x": int}

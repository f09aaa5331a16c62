"""Derivations: ordinary arithmetic, and nothing else."""

from __future__ import annotations

import math

import pytest

from gantune.errors import UserError
from gantune.space.expression import evaluate, names_in

VALUES = {"lr_d": 4e-4, "lr_g": 2e-4, "k": 5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr_d / lr_g", 2.0),
        ("-k + 7 - 1", 1.0),
        ("2 * k ** 2", 50.0),
        ("min(k, 3) + max(k, 3, 9)", 12.0),
        ("log(exp(k)) + sqrt(4)", 7.0),
        ("+k", 5.0),
    ],
)
def test_arithmetic(text: str, expected: float) -> None:
    assert evaluate(text, VALUES, "") == pytest.approx(expected)


def test_names_are_those_read() -> None:
    assert names_in("min(lr_d, 3) / lr_g + lr_d", "") == {"lr_d", "lr_g"}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "lr_g.__class__",
        "lr_g[0]",
        "[k for k in (1, 2)]",
        "lambda: 1",
        "k if k else 1",
        "k < 2",
        "'text'",
        "True",
        "log(k, base=2)",
        "min()",
        "k @ k",
        "k %",
        "k; k",
        "",
        "(" * 600,
        "x" * 501,
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^s\.yaml: (.*not allowed|.*no expression|a derivation is a text)"):
        names_in(text, "s.yaml: ")


@pytest.mark.parametrize("text", ["1 / (k - 5)", "log(k - 5)", "exp(10 ** k)", "(0 - k) ** 0.5", "1e308 * 10", "9 ** 9 ** 9 ** 9"])
def test_where_there_is_no_value_the_point_is_named(text: str) -> None:
    with pytest.raises(UserError, match=r"(has no value at|is (inf|nan) at)"):
        evaluate(text, {"k": 5}, "s.yaml: ")


def test_a_text_is_no_number() -> None:
    with pytest.raises(UserError, match="optimiser 'adam'"):
        evaluate("2 * optimiser", {"optimiser": "adam"}, "")


def test_powers_stay_floats() -> None:
    assert math.isclose(evaluate("3 ** 100", {}, ""), 3.0**100)

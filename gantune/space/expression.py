"""Arithmetic over parameter names, such as `lr_d / lr_g`. Nothing else is evaluated."""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections.abc import Callable, Mapping

from gantune.errors import UserError

FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max, "log": math.log, "exp": math.exp, "sqrt": math.sqrt}
OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: lambda base, exponent: math.pow(base, exponent),  # not **, which can build integers of any length
}
ALLOWED = f"numbers, names, + - * / **, and {', '.join(sorted(FUNCTIONS))}"
LONGEST = 500  # characters


def names_in(text: str, where: str) -> frozenset[str]:
    """The parameter names an expression reads. `UserError` when it is no expression of the allowed kind."""
    return frozenset(_check(_parse(text, where), text, where))


def evaluate(text: str, values: Mapping[str, float], where: str) -> float:
    """The expression's value. `UserError` when it has none there: a division by zero, a logarithm of 0, an overflow, a text."""
    try:
        result = _value(_parse(text, where), values)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise UserError(f"{where}{text!r} has no value at {_shown(values)}: {error}.") from None
    if not math.isfinite(result):
        raise UserError(f"{where}{text!r} is {result} at {_shown(values)}.")
    return result


def _shown(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value!r}" for name, value in values.items())


def _parse(text: str, where: str) -> ast.expr:
    if not isinstance(text, str) or len(text) > LONGEST:
        raise UserError(f"{where}a derivation is a text of at most {LONGEST} characters such as 'lr_d / lr_g', got {text!r:.60}.")
    try:
        return _tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UserError(f"{where}{text!r} is no expression. Allowed: {ALLOWED}.") from None


@functools.lru_cache(maxsize=256)
def _tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _check(node: ast.expr, text: str, where: str) -> set[str]:
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            return set()
        case ast.Name(id=name):
            return {name}
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _check(left, text, where) | _check(right, text, where)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _check(operand, text, where)
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as args, keywords=[]) if name in FUNCTIONS:
            return set().union(*(_check(argument, text, where) for argument in args))
    raise UserError(f"{where}{ast.unparse(node)!r} in {text!r} is not allowed. Allowed: {ALLOWED}.")


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)):
            return float(value)
        case ast.Name(id=name):
            return float(values[name])
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return -_value(operand, values) if isinstance(op, ast.USub) else _value(operand, values)
        case ast.Call(func=ast.Name(id=name), args=args):
            return float(FUNCTIONS[name](*(_value(argument, values) for argument in args)))
    raise AssertionError(f"unchecked expression: {ast.unparse(node)}")

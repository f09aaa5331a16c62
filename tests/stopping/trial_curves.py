"""Synthetic trials: what each signal does over kimg, for the rules' tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from gantune.curve import Curve
from gantune.families.base import Equilibrium
from gantune.signals import Point
from gantune.stopping import Verdict, judge, open_rules, rule_names

LN2 = math.log(2)
BCE = Equilibrium(LN2, LN2)
LEAST_SQUARES = Equilibrium(0.25, 0.25)
HINGE = Equilibrium(2.0, 2.0)
CRITIC = Equilibrium(0.0, None)
Shape = Callable[[float], float | None]  # kimg → value, None where it was not measured

HEALTHY: dict[str, Shape] = {  # a good DCGAN on digits: D far ahead of chance, quality falling to the end
    "d_loss": lambda t: 0.12,
    "d_loss_heldout": lambda t: 0.2,
    "g_loss": lambda t: 3.0,
    "d_acc_real": lambda t: 0.96,
    "d_acc_fake": lambda t: 0.97,
    "logit_spread": lambda t: 6.0,
    "logit_std": lambda t: 3.6,
    "d_grad_norm": lambda t: 2.0,
    "g_grad_norm": lambda t: 1.5,
    "c2st_loss": lambda t: 0.3,
    "precision": lambda t: 0.5,
    "recall": lambda t: 0.3,
    "coverage": lambda t: 0.4,
    "fid": lambda t: 20 + 300 * math.exp(-t / 25),
}


def reports(shapes: Mapping[str, Shape], kimg: float = 60, every: float = 4) -> list[Point]:
    """The healthy trial with `shapes` in place of its own, reported every so many kimg."""
    points = []
    for index in range(1, round(kimg / every) + 1):
        at = index * every
        values = {name: shape(at) for name, shape in {**HEALTHY, **shapes}.items()}
        points.append({"kimg": at} | {name: value for name, value in values.items() if value is not None})
    return points


def split(points: list[Point]) -> list[Point]:
    """Twice as many reports about the same training: each stretch told in two halves."""
    halves, before = [], 0.0
    for point in points:
        halves += [point | {"kimg": (before + point["kimg"]) / 2}, point]
        before = point["kimg"]
    return halves


def first_stop(points: list[Point], equilibrium: Equilibrium | None = BCE, rules: list[object] | None = None) -> tuple[float, str] | None:
    """(kimg, reason) of the first verdict that stops when the reports come one by one, None when none does."""
    verdict, kimg = stopped(points, equilibrium, rules)
    return (kimg, str(verdict.reason)) if verdict.stop else None


def stopped(points: list[Point], equilibrium: Equilibrium | None = BCE, rules: list[object] | None = None) -> tuple[Verdict, float]:
    """The first verdict that stops, and where; `CONTINUE` and the end when none does."""
    active, _ = open_rules(rules if rules is not None else list(rule_names()), equilibrium)
    for count in range(1, len(points) + 1):
        verdict = judge(active, Curve.of(points[:count], equilibrium=equilibrium, budget_kimg=60))
        if verdict.stop:
            return verdict, points[count - 1]["kimg"]
    return Verdict.CONTINUE, points[-1]["kimg"]

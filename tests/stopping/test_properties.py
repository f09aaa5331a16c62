"""A rule never reads the future, and never minds how densely a trial reports."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from trial_curves import BCE, CRITIC, LN2, first_stop, split

from gantune.curve import Curve
from gantune.signals import Point
from gantune.stopping import judge, open_rules, rule_names

LEVELS = {  # few values, near the rules' thresholds, so that every rule fires in some of the curves
    "fid": [300.0, 299.0, 150.0, 100.0, float("nan")],
    "d_loss": [0.001, 0.1, LN2, LN2 - 0.01, 5e3],
    "d_loss_heldout": [0.001, 0.4, LN2, LN2 + 0.01, 2.0],
    "d_acc_real": [1.0, 0.99, 0.5],
    "d_acc_fake": [1.0, 0.99],
    "logit_std": [1.0, 1e-5],
    "logit_spread": [2.0, 1.9],
    "c2st_loss": [0.1, 0.69],
    "recall": [0.0, 0.01, 0.3],
    "g_grad_norm": [1.0, 1e-6],
}


@st.composite
def curves(draw: st.DrawFn) -> list[Point]:
    """Up to 15 reports each 4 kimg; a signal keeps its level for a while, and may be missing."""
    points: list[Point] = [{"kimg": 4.0 * (index + 1)} for index in range(draw(st.integers(1, 15)))]
    for name, levels in LEVELS.items():
        changes = draw(st.lists(st.tuples(st.integers(0, 14), st.sampled_from([*levels, None])), min_size=1, max_size=3))
        for start, level in sorted(changes, key=lambda change: change[0]):
            for point in points[start:]:
                point.pop(name, None)
                if level is not None:
                    point[name] = level
    return points


@given(curves())
@settings(max_examples=120, derandomize=True, deadline=None)
def test_the_verdict_is_the_same_at_double_density(points: list[Point]) -> None:
    for equilibrium in (BCE, CRITIC):
        rules, _ = open_rules(rule_names(), equilibrium)
        for count in range(1, len(points) + 1):
            coarse = Curve.of(points[:count], equilibrium=equilibrium)
            fine = Curve.of(split(points[:count]), equilibrium=equilibrium)
            assert judge(rules, coarse).reason == judge(rules, fine).reason


@given(curves(), curves())
@settings(max_examples=100, derandomize=True, deadline=None)
def test_the_verdict_is_the_same_whatever_comes_later(points: list[Point], later: list[Point]) -> None:
    rules, _ = open_rules(rule_names(), BCE)
    now = points[-1]["kimg"]
    longer = points + [point | {"kimg": point["kimg"] + now} for point in later]
    assert judge(rules, Curve.of(longer, equilibrium=BCE).until(now)) == judge(rules, Curve.of(points, equilibrium=BCE))
    stop = first_stop(points)
    if stop is not None:
        assert first_stop(longer) == stop


@given(curves())
@settings(max_examples=100, derandomize=True, deadline=None)
def test_every_rule_can_speak_about_every_curve(points: list[Point]) -> None:
    for name in rule_names():
        first_stop(points, BCE, [name])

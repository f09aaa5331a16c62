"""Domains: what is contained, what is nearest, how shares are spread."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantune.space import Domain

DOMAINS = [
    Domain("log", 1e-5, 1e-2),
    Domain("uniform", -1.0, 0.9),
    Domain("int", 1, 8),
    Domain("int_log", 16, 256),
    Domain("choice", choices=(1, 2, 3, 5)),
    Domain("choice", choices=("adam", "sgd")),
    Domain("choice", choices=(1, ((0.0, 5), (20.0, 1)))),
    Domain("uniform", 0.0, 1.0, when={"optimiser": ("adam",), "k": (1, 2)}),
]
NUMBERS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**9), 10**9))


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
@settings(deadline=None)
@given(value=st.one_of(NUMBERS, st.text(max_size=5), st.booleans(), st.none()))
def test_the_nearest_value_can_be_taken(domain: Domain, value: Any) -> None:
    assert domain.contains(domain.nearest(value))


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
@settings(deadline=None)
@given(u=st.floats(0, 1))
def test_every_share_gives_a_value(domain: Domain, u: float) -> None:
    assert domain.contains(domain.at(u))


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_json_round_trip(domain: Domain) -> None:
    assert Domain.from_json(json.loads(json.dumps(domain.to_json()))) == domain


@pytest.mark.parametrize(
    ("domain", "value", "nearest"),
    [
        (Domain("log", 1e-5, 1e-2), 0.5, 1e-2),
        (Domain("log", 1e-5, 1e-2), 3e-4, 3e-4),
        (Domain("int", 1, 8), 2.6, 3),
        (Domain("choice", choices=(0.01, 0.1, 1.0)), 0.04, 0.1),  # 0.01 is nearer on a linear scale
        (Domain("choice", choices=(1, 2, 5)), 3, 2),
        (Domain("choice", choices=("adam", "sgd")), "rmsprop", "adam"),
        (Domain("choice", choices=(1, ((0.0, 5), (20.0, 1)))), ((0.0, 5), (20.0, 1)), ((0.0, 5), (20.0, 1))),
    ],
)
def test_nearest(domain: Domain, value: Any, nearest: Any) -> None:
    assert domain.nearest(value) == nearest


def test_whole_numbers_do_not_contain_halves_or_truths() -> None:
    assert not Domain("int", 1, 8).contains(1.5)
    assert not Domain("int", 0, 8).contains(True)


@pytest.mark.parametrize("domain", [Domain("int", 1, 4), Domain("choice", choices=(1, 2, 3, 4))], ids=str)
def test_equal_shares_are_equally_likely(domain: Domain) -> None:
    assert Counter(domain.at(step / 400 + 1e-6) for step in range(400)) == {1: 100, 2: 100, 3: 100, 4: 100}


def test_a_schedule_has_a_scalar_label() -> None:
    domain = Domain("choice", choices=(1, ((0.0, 5), (20.0, 1))))
    for choice in domain.choices:
        assert isinstance(domain.label(choice), (int, str))
        assert domain.of_label(domain.label(choice)) == choice

from __future__ import annotations

from pathlib import Path

import pytest
from trial_curves import BCE, CRITIC, reports

from gantune.curve import Curve
from gantune.errors import UserError
from gantune.stopping import COMPLETE, FAILED, PRUNED, Reason, judge, open_rules, rule_names
from gantune.stopping.plateau import Plateau

OWN_RULE = """
from dataclasses import dataclass
from gantune.params import param
from gantune.stopping import Reason, Rule, Verdict

@dataclass(frozen=True)
class Late(Rule):
    kimg: float = param(10.0, "when", low=0)
    def __call__(self, curve):
        return Verdict.halt(Reason.PLATEAU, "late") if curve.span >= self.kimg else Verdict.CONTINUE
"""


def test_rules_are_asked_in_order_of_severity_whatever_their_order_in_the_sweep() -> None:
    rules, inactive = open_rules(["plateau", {"d_won": {"accuracy": 0.9}}, "diverged"], BCE)
    assert [rule.reason for rule in rules] == [Reason.DIVERGED, Reason.D_WON, Reason.PLATEAU]
    assert inactive == {}


def test_a_rule_without_a_scale_to_read_is_inactive_by_default_and_refused_when_named_by_the_user() -> None:
    rules, inactive = open_rules(rule_names(), CRITIC)
    assert set(inactive) == {"d_won", "equilibrium"}
    assert "no such scale" in inactive["equilibrium"]
    assert len(rules) == 4
    with pytest.raises(UserError, match=r"my\.yaml: stop rule 'equilibrium' cannot be used here: .*Leave it out"):
        open_rules(["equilibrium"], CRITIC, "my.yaml: ", from_user=True)
    with pytest.raises(UserError, match="cannot be used here"):
        open_rules(["d_won"], None, from_user=True)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("platau", 'unknown stop rule .platau.. Did you mean "plateau"'),
        ({"plateau": {"patience": 3}}, 'plateau: unknown parameter .patience.. Did you mean "patience_kimg"'),
        ({"plateau": {"patience_kimg": -1}}, r"patience_kimg is a number in \[0, inf\), got -1"),
        ({"plateau": 3}, "a stop rule is a name or"),
        (7, "a stop rule is a name or"),
        ("./nowhere.py:Late", "there is no file"),
    ],
)
def test_a_wrong_rule_is_refused_with_the_fix(spec: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_rules([spec], BCE)


def test_a_rule_named_twice_is_refused() -> None:
    with pytest.raises(UserError, match="named twice"):
        open_rules(["plateau", {"plateau": {"patience_kimg": 3}}], BCE)


def test_a_users_own_rule_is_opened_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN_RULE)
    rules, _ = open_rules(["plateau", {f"{file}:Late": {"kimg": 20}}], BCE)
    assert isinstance(rules[1], Plateau)
    assert not judge(rules, Curve.of(reports({}, kimg=16), equilibrium=BCE)).stop
    assert judge(rules, Curve.of(reports({}, kimg=20), equilibrium=BCE)).evidence == "late"
    with pytest.raises(UserError, match="no subclass of"):
        open_rules([f"{file}:Verdict"], BCE)


def test_mistakes_in_a_users_file_are_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1\nx.y\n")
    with pytest.raises(UserError, match=r"^s\.yaml: stop rule .*mine\.py, line 2: the file raised AttributeError"):
        open_rules([f"{file}:Late"], BCE, "s.yaml: ")


def test_the_reasons_are_a_closed_set_that_falls_into_three() -> None:
    assert set(Reason) == COMPLETE | PRUNED | FAILED
    assert not COMPLETE & PRUNED
    assert not FAILED & (COMPLETE | PRUNED)

"""Stop rules: a trial's curve → go on, or stop for a reason. `open_rules` makes them, `judge` asks them."""

from gantune.stopping.registry import judge, open_rules, rule_names
from gantune.stopping.rule import Rule
from gantune.stopping.verdict import COMPLETE, FAILED, PRUNED, Reason, Verdict

__all__ = ["COMPLETE", "FAILED", "PRUNED", "Reason", "Rule", "Verdict", "judge", "open_rules", "rule_names"]

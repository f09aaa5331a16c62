"""Schedulers and stop rules over recorded curves instead of training: what they would have cost, found and missed."""

from gantune.replay.decisions import Recheck, Verdicts, recheck
from gantune.replay.outcome import Outcome, outcome
from gantune.replay.policy import Policy, policies
from gantune.replay.recording import Recording, recordings
from gantune.replay.simulation import Ended, simulate
from gantune.replay.table import About, Trace, read_table, write_table

__all__ = [
    "About",
    "Ended",
    "Outcome",
    "Policy",
    "Recheck",
    "Recording",
    "Trace",
    "Verdicts",
    "outcome",
    "policies",
    "read_table",
    "recheck",
    "recordings",
    "simulate",
    "write_table",
]

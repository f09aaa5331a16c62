"""Schedulers and stop rules over recorded curves instead of training: what they would have cost, found and missed."""

from gantune.replay.decisions import Recheck, recheck
from gantune.replay.outcome import Outcome, outcome
from gantune.replay.policy import Policy, policies
from gantune.replay.recording import Recording, recordings
from gantune.replay.simulation import Ended, simulate

__all__ = ["Ended", "Outcome", "Policy", "Recheck", "Recording", "outcome", "policies", "recheck", "recordings", "simulate"]

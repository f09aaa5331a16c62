"""What the two honest readings cost: the held-out d_loss and the classifier two-sample test, as shares of a trial's time.

    python benchmarks/signals.py          # every family on its default data at the sizes of its sweep: some minutes on a core

A row a family: seconds of training between two reports, of all measuring at a report, and of the two readings within it (medians over
the reports). The share is of training and measuring together. Rankings have no features to test: IRGAN has no c2st_loss.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import tempfile
import time
from typing import Any

from gantune.families import family_names, open_family
from gantune.metrics.evaluator import Evaluator
from gantune.spec import load_sweep
from gantune.training.trainer import Trainer
from gantune.trial import Trial, TrialPlan


class Clock:
    """Seconds spent in a method, call by call."""

    def __init__(self, owner: type, name: str) -> None:
        self.spent: list[float] = []
        plain = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = plain(*args, **kwargs)
            self.spent.append(time.perf_counter() - start)
            return result

        setattr(owner, name, timed)


def measure(family: str, reports: int, heldout: Clock, c2st: Clock) -> str:
    """The family's row."""
    opened, sweep = open_family(family), load_sweep(family)
    heldout.spent.clear()
    c2st.spent.clear()
    with tempfile.TemporaryDirectory() as folder:
        values = dict(opened.canonical) | dict(sweep.fixed)
        every = sweep.budget.report_every
        objective = sweep.objective
        plan = TrialPlan(family, family, sweep.data, values, reports * every, every, folder, dict(sweep.metrics), ["diverged"])
        trial = Trial(dataclasses.replace(plan, objective=objective.metric, mode=objective.mode))
        while trial.verdict is None:
            trial.advance()
        points = trial.points
    clock = [point["seconds"] for point in points]
    training = statistics.median(now - before for before, now in itertools.pairwise(clock))
    measuring = statistics.median(point["eval_seconds"] for point in points[1:])
    held, test = statistics.median(heldout.spent[1:]), statistics.median(c2st.spent[1:]) if c2st.spent[1:] else 0.0
    share = (held + test) / (training + measuring)
    return f"| `{family}` | {every:g} | {training:.2f} | {measuring:.2f} | {held:.3f} | {test:.3f} | {share:.1%} |"


def main() -> None:
    """Print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--families", nargs="+", default=list(family_names()))
    flags.add_argument("--reports", type=int, default=5)
    given = flags.parse_args()
    heldout, c2st = Clock(Trainer, "heldout"), Clock(Evaluator, "_c2st")
    print("| family | kimg a report | training s | measuring s | of that held-out d_loss | C2ST | share of both |")
    print("|---|---|---|---|---|---|---|")
    for family in given.families:
        print(measure(family, given.reports, heldout, c2st), flush=True)


if __name__ == "__main__":
    main()

"""What the families that translate make of mnist5k's edges and twins, beside doing nothing.

    python benchmarks/translation.py                                  # pix2pix, cyclegan, discogan: about ten minutes on a core
    python benchmarks/translation.py --families discogan --kimg 64 --seeds 0 1 --out runs/translation

Canonical settings at the sizes of sweeps/*.yaml, but for the rates in `RUNS`: nets so narrow take five times the authors'. Each run
is kept in --out and continued from its checkpoint when the script is started again. `error` is the L1 distance from the true
picture for pix2pix and the mean absolute error of both round trips for the others, in units of [-1, 1], at the first report and for
the scored checkpoint, the best of the run, whose kimg stand beside it. FIDs are of the 500 held-out pictures that no report saw,
there and back; `copy` is what the untranslated pictures would read, brought to the other domain's channels. Seconds are of training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from gantune.config import Config
from gantune.data import open_dataset
from gantune.data.pictures import with_channels
from gantune.families import open_family
from gantune.families.base import Samples
from gantune.metrics import Evaluator, MetricSettings
from gantune.spec import load_sweep
from gantune.training.given import Conditions
from gantune.trial import Trial, TrialPlan, score

SCORED = 500
CPU = torch.device("cpu")
RUNS: dict[str, dict[str, Any]] = {  # family: kimg of the whole run, kimg between reports, settings
    "pix2pix": {"kimg": 24, "every": 4, "values": {"lr_g": 1e-3}},
    "cyclegan": {"kimg": 8, "every": 2, "values": {"lr_g": 1e-3}},
    "discogan": {"kimg": 24, "every": 4, "values": {"lr_g": 1e-3}},
}


def copied(family: str, data: str) -> dict[str, float]:
    """What pictures read that nobody translated, by the names of gantune.signals."""
    dataset = open_dataset(data)
    opened = open_family(family)
    given = Conditions(opened, Config.of(opened, data, {}).arch, dataset, CPU)(SCORED, 0, "score")
    assert given.source is not None
    here = with_channels(given.source, given.x.shape[1])
    if opened.needs == "pairs":
        samples = Samples(here, target=given.x)
    else:
        samples = Samples(here, back=with_channels(given.x, given.source.shape[1]))
    return Evaluator(dataset, MetricSettings(n_fake=SCORED), CPU)(samples)


def run(family: str, seed: int, kimg: float | None, out: Path) -> dict[str, Any]:
    """Train one family and score its best checkpoint on the held-out half that the reports leave alone."""
    settings, sweep = RUNS[family], load_sweep(family)
    kimg = kimg or settings["kimg"]
    folder = out / f"{family}-{kimg:g}-s{seed}"
    plan = TrialPlan(
        trial=folder.name,
        family=family,
        data=sweep.data,
        values=sweep.fixed | settings["values"] | {"seed": seed},
        kimg=kimg,
        report_every=settings["every"],
        folder=str(folder),
        metrics={"n_fake": SCORED},
        rules=["diverged"],
        objective=sweep.objective.metric,
    )
    trial = Trial(plan)
    names = ("kimg", "l1", "cycle_error", "fid", "fid_back", "d_loss", "g_adv")
    while trial.verdict is None:
        point = trial.advance()
        print(f"  {family}: " + ", ".join(f"{name} {point[name]:.4g}" for name in names if name in point), flush=True)
    error = "l1" if "l1" in trial.points[0] else "cycle_error"
    scored = score(plan, seed=1000, n=SCORED)
    floor = scored["floor"]
    return {
        "family": family,
        "seed": seed,
        "kimg": scored["sampling"]["kimg"],
        "seconds": round(trial.points[-1]["seconds"]),
        "first": trial.points[0][error],
        "last": scored[error],
        "fid": scored["fid"],
        "fid_back": scored.get("fid_back"),
        "floor": [floor["fid"], floor.get("fid_back")],
        "copy": {name: value for name, value in copied(family, sweep.data).items() if name in ("l1", "fid", "fid_back")},
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--kimg", type=float, help="instead of each family's own")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=Path("runs/translation"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [run(family, seed, options.kimg, options.out) for family in options.families for seed in options.seeds]
    (options.out / "result.json").write_text(json.dumps(rows, indent=1))
    fids = f"{'fid':>7} {'copy':>7}"
    print(f"\n{'family':9} {'seed':>4} {'kimg':>5} {'s':>5}  {'error first → last':>19} {'copy':>6}   there: {fids}   back: {fids}")
    for row in rows:
        copy = row["copy"]
        l1 = f"{copy['l1']:.3f}" if "l1" in copy else ""
        back = f"{row['fid_back']:7.1f} {copy['fid_back']:7.1f}" if row["fid_back"] is not None else ""
        error = f"{row['first']:.3f} → {row['last']:.3f}"
        there = f"{row['fid']:7.1f} {copy['fid']:7.1f}"
        spent = f"{row['kimg']:5.0f} {row['seconds']:5}"
        print(f"{row['family']:9} {row['seed']:4} {spent}  {error:>19} {l1:>6}          {there}         {back}")


if __name__ == "__main__":
    main()

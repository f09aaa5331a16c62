"""Modes that GANs find of a ring of 8 and a grid of 25 Gaussians, and the share of their samples within 3 std of a mode.

    python benchmarks/mixtures.py                   # three families, two mixtures, three seeds, 500 kimg each: about 15 minutes on a core

All runs share the networks and rates of SHARED below. At lr_g 2e-4, the canonical rate of `gan`, both BCE families hop from mode to mode
for all of these 3,900 steps; with 1e-3 they settle. Each is kept in --out and not trained again. The value is that of the last
checkpoint, on 4,000 fresh samples: nothing is chosen by it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from gantune.trial import Trial, TrialPlan, score

SHARED = {"net": "mlp", "hidden": 256, "layers": 3, "batch": 128, "lr_g": 1e-3, "beta1": 0.5}
RUNS: dict[str, dict[str, Any]] = {
    "gan": {},
    "wgan_gp": {"beta2": 0.9, "k": 5, "penalty_weight": 0.1},
    "noise_gan": {"noise": 0.3},
}
SCORED = 4000


def run(family: str, data: str, seed: int, kimg: float, out: Path) -> dict[str, float]:
    """Train one run to its end, or read what an earlier call kept."""
    folder = out / f"{family}-{data}-{kimg:g}-s{seed}"
    kept = folder / "result.json"
    if kept.is_file():
        result: dict[str, float] = json.loads(kept.read_text())
        return result
    annealed = {"noise_kimg": 0.8 * kimg} if family == "noise_gan" else {}
    plan = TrialPlan(
        trial=folder.name,
        family=family,
        data=data,
        values=SHARED | RUNS[family] | annealed | {"seed": seed},
        kimg=kimg,
        report_every=kimg / 10,
        folder=str(folder),
        rules=["diverged"],
        objective="hq_share",
        mode="max",
    )
    trial = Trial(plan)
    while trial.verdict is None:
        trial.advance()
    scored = score(plan, seed=seed, n=SCORED, which="last")
    result = {name: scored[name] for name in ("modes", "hq_share", "coverage")} | {"seconds": trial.points[-1]["seconds"]}
    kept.write_text(json.dumps(result))
    return result


def spread(values: list[float], digits: int) -> str:
    """Mean ± std."""
    return f"{mean(values):.{digits}f} ± {stdev(values):.{digits}f}" if len(values) > 1 else f"{values[0]:.{digits}f}"


def main() -> None:
    """Train what is missing and print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--families", nargs="+", choices=RUNS, default=list(RUNS))
    flags.add_argument("--data", nargs="+", choices=("ring8", "grid25"), default=["ring8", "grid25"])
    flags.add_argument("--seeds", type=int, default=3)
    flags.add_argument("--kimg", type=float, default=500)
    flags.add_argument("--out", type=Path, default=Path("runs/mixtures"))
    given = flags.parse_args()
    rows = []
    for data in given.data:
        for family in given.families:
            found = [run(family, data, seed, given.kimg, given.out) for seed in range(given.seeds)]
            rows.append((data, family, found))
            print(f"  {data} {family}: {found}", flush=True)
    print(f"\n{given.kimg:g} kimg, {given.seeds} seeds, mean ± std")
    print(f"{'data':8}{'family':11}{'modes':>14}{'high quality':>18}{'coverage':>16}{'seconds':>9}")
    for data, family, found in rows:
        modes, share, coverage = (
            spread([each[name] for each in found], digits) for name, digits in (("modes", 1), ("hq_share", 3), ("coverage", 3))
        )
        print(f"{data:8}{family:11}{modes:>14}{share:>18}{coverage:>16}{mean(each['seconds'] for each in found):9.0f}")


if __name__ == "__main__":
    main()

"""What every family of images makes of mnist5k at its canonical setting, beside a Gaussian that any of them should beat.

    python benchmarks/canonical.py                      # all families, 150 kimg each, 32 × 32, features 16: one to two hours on a core
    python benchmarks/canonical.py --families dcgan wgan --kimg 60 --out runs/canonical

Each run is kept in --out and continued from its checkpoint when the script is started again, and its last row is printed at once
from there when it is complete. FID is on 4,000 fresh samples of the best checkpoint against the 4,000 training digits. The bar is the
lowest FID of Gaussians fitted to the training pictures' principal components (the number of components that suits it best); the
floor is that of 1,000 real held-out digits.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gantune.config import declared_params
from gantune.data import open_dataset, to_unit
from gantune.families import family_names, open_family
from gantune.families.base import Samples
from gantune.metrics import Evaluator, MetricSettings
from gantune.spec import load_sweep
from gantune.trial import Trial, TrialPlan, score

SCORED = 4000
COMPONENTS = (8, 16, 32, 64, 128, 256, 512)


def gaussian_fids(data: str) -> dict[int, float]:
    """FID of samples of a Gaussian on the first so many principal components of the pixels, clipped to [-1, 1]."""
    dataset = open_dataset(data)
    evaluator = Evaluator(dataset, MetricSettings(n_fake=SCORED), torch.device("cpu"))
    pixels = to_unit(dataset.train).flatten(1).double()
    mean = pixels.mean(0)
    _, spread, axes = torch.linalg.svd(pixels - mean, full_matrices=False)
    source = torch.Generator().manual_seed(0)
    fids = {}
    for count in COMPONENTS:
        z = torch.randn(SCORED, count, generator=source, dtype=torch.float64)
        made: Tensor = mean + (z * spread[:count] / (len(pixels) - 1) ** 0.5) @ axes[:count]
        fids[count] = evaluator(Samples(made.clamp(-1, 1).view(-1, *dataset.shape).float()))["fid"]
    return fids


def image_families(data: str) -> list[str]:
    """The families that make pictures of noise, labels or codes."""
    form = open_dataset(data).form
    opened = [open_family(name) for name in family_names()]
    return [family.name for family in opened if family.needs in ("examples", "labels") and form.is_image]


def run(family: str, data: str, kimg: float, out: Path, seed: int, features: int) -> dict[str, Any]:
    """Train `family` at its canonical setting, going on from where an earlier call was broken off, and score its best checkpoint."""
    folder = out / f"{family}-{data.replace('/', '_')}-{kimg:g}-f{features}-s{seed}"
    kept = folder / "result.json"
    if kept.is_file():
        result: dict[str, Any] = json.loads(kept.read_text())
        return result
    opened = open_family(family)
    sizes = {name: load_sweep(family).fixed[name] for name in ("image_size", "hidden", "layers") if name in load_sweep(family).fixed}
    sizes |= {"features": features} if "features" in declared_params(opened) else {}
    plan = TrialPlan(
        trial=folder.name,
        family=family,
        data=data,
        values=sizes | {"seed": seed},
        kimg=kimg,
        report_every=10,
        folder=str(folder),
        rules=["diverged"],
    )
    trial = Trial(plan)
    while trial.verdict is None:
        point = trial.advance()
        print(f"  {family}: {point['kimg']:g} kimg, fid {point.get('fid', float('nan')):.4g}, d_loss {point['d_loss']:.3g}", flush=True)
    scored = score(plan, seed=seed, n=SCORED)
    result = {name: scored[name] for name in ("fid", "precision", "recall", "label_agreement") if name in scored}
    result |= {"floor": scored["floor"]["fid"], "kimg": scored["sampling"]["kimg"], "seconds": trial.points[-1]["seconds"]}
    result["verdict"] = str(trial.verdict.reason)
    kept.write_text(json.dumps(result))
    return result


def main() -> None:
    """Train what is missing and print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--families", nargs="+", default=image_families("mnist5k"))
    flags.add_argument("--data", default="mnist5k")
    flags.add_argument("--kimg", type=float, default=150)
    flags.add_argument("--features", type=int, default=16)
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--out", type=Path, default=Path("runs/canonical"))
    given = flags.parse_args()
    fids = gaussian_fids(given.data)
    best = min(fids, key=lambda count: fids[count])
    print("Gaussian on principal components: " + ", ".join(f"{count}: {fid:.1f}" for count, fid in fids.items()), flush=True)
    rows = []
    for family in given.families:
        rows.append((family, run(family, given.data, given.kimg, given.out, given.seed, given.features)))
        print(f"  {family}: {rows[-1][1]}", flush=True)
    bar = f"bar {fids[best]:.1f} ({best} components), floor {rows[-1][1]['floor']:.2f}"
    print(f"\n{given.data}, {given.kimg:g} kimg, seed {given.seed}; {bar}")
    print(f"{'family':12}{'FID':>8}{'at kimg':>9}{'precision':>11}{'recall':>8}{'labels':>8}{'seconds':>9}  below the bar")
    for family, row in rows:
        labels = f"{row['label_agreement']:.3f}" if "label_agreement" in row else ""
        cells = f"{row['fid']:8.2f}{row['kimg']:9.0f}{row['precision']:11.3f}{row['recall']:8.3f}{labels:>8}{row['seconds']:9.0f}"
        print(f"{family:12}{cells}  {'yes' if row['fid'] < fids[best] else 'no'}")


if __name__ == "__main__":
    main()

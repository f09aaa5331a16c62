"""What a sweep finds for every unconditional family of images, beside the family's canonical setting, at one budget.

    python benchmarks/families.py                          # 14 families, 8 trials x 60 kimg each: about an hour and a half on two cores
    python benchmarks/families.py --families lsgan wgan

Each family is `gantune sweep FAMILY --name table-FAMILY --trials 8 --set budget.kimg=60 --set budget.report_every=4
--set finalists.top=1`: its best trial and its canonical setting are trained again with three fresh seeds. Started again, this goes on
with the sweeps that it finds in --runs, and only prints those that are complete.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from gantune.families import family_names, open_family
from gantune.tracking.store import frozen

SETS = ("budget.kimg=60", "budget.report_every=4", "finalists.top=1")


def unconditional() -> list[str]:
    """The bundled families that make pictures of noise alone."""
    opened = [open_family(name) for name in family_names()]
    return [family.name for family in opened if family.needs == "examples"]


def gantune(*arguments: str) -> str:
    """Run a verb in this Python; gives what it printed. Raises CalledProcessError when it fails."""
    done = subprocess.run([sys.executable, "-m", "gantune", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def sweep(family: str, runs: Path, trials: int) -> dict[str, Any]:
    """The complete sweep of `family`, run or gone on with where need be, as `gantune show --json` tells it."""
    name = f"table-{family}"
    place = ("--runs", str(runs))
    if (runs / name / "sweep.json").is_file():
        shown: dict[str, Any] = json.loads(gantune("show", name, "--json", *place))
        if shown["status"] == "complete":
            return shown
        gantune("resume", name, *place)
    else:
        sets = [part for text in SETS for part in ("--set", text)]
        gantune("sweep", family, "--name", name, "--trials", str(trials), *sets, *place)
    found: dict[str, Any] = json.loads(gantune("show", name, "--json", *place))
    return found


def spread(final: dict[str, Any]) -> str:
    """Mean ± std over the seeds."""
    if final.get("mean") is None:
        return "none"
    return f"{final['mean']:.3g}" + (f" ± {final['std']:.2g}" if final["std"] is not None else "")


def main() -> None:
    """Run what is missing and print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--families", nargs="+", default=unconditional())
    flags.add_argument("--trials", type=int, default=8)
    flags.add_argument("--runs", type=Path, default=Path("runs/families"))
    given = flags.parse_args()
    rows = []
    for family in given.families:
        shown = sweep(family, given.runs, given.trials)
        best, canonical = (shown["finalists"] or [{}])[0], shown["canonical"]
        stopped = sum(trial["reason"] not in ("budget", None) for trial in shown["trials"])
        searched = sum(trial["seconds"] for trial in shown["trials"])
        finals = sum(run["seconds"] for final in (best, canonical) for run in final.get("runs", []))
        setting: dict[str, Any] = next((trial["params"] for trial in shown["trials"] if trial["id"] == best.get("who")), {})
        told = ", ".join(f"{key} {value:.2g}" if isinstance(value, float) else f"{key} {value}" for key, value in setting.items())
        rows.append(f"| `{family}` | {spread(canonical)} | {spread(best)} | {stopped} | {searched:.0f} + {finals:.0f} | {told} |")
        print(rows[-1], flush=True)
    versions = frozen(given.runs / f"table-{given.families[0]}")["versions"]
    print(f"\n{given.trials} trials x 60 kimg a family, three fresh seeds; {', '.join(f'{name} {v}' for name, v in versions.items())}\n")
    print("| family | canonical FID | FID after the sweep | stopped early | device seconds: search + finalists | best setting |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()

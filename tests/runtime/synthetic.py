"""A unit of work that costs nothing: a known curve over kimg, with the same files and the same promises as a real trial.

`values["lr_g"]` decides how far the curve falls, `plan["folder"]/last.pt` (JSON here) carries curve and verdict, and every opening
leaves a line in `opened.log` beside the sweep's trials.
"""

from __future__ import annotations

import json
import math
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Synthetic:
    """Told by the environment: SYNTHETIC_SECONDS a report (SYNTHETIC_FINAL_SECONDS a finalist's), SYNTHETIC_BROKEN trial, SYNTHETIC_DIES
    trial@report (once) or always, SYNTHETIC_NEEDS trial=share: of a GPU, with less of which it finds no memory after its first report."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.folder = Path(plan["folder"])
        self.folder.mkdir(parents=True, exist_ok=True)
        self.points: list[dict[str, float]] = []
        self.verdict: Any = None
        with open(self.folder.parent.parent / "opened.log", "a") as log:
            log.write(f"{plan['trial']}\n")
        if os.environ.get("SYNTHETIC_DIES") == "always":
            os.kill(os.getpid(), signal.SIGKILL)
        if plan["trial"] == os.environ.get("SYNTHETIC_BROKEN"):
            raise ValueError("this configuration cannot be opened")
        last = self.folder / "last.pt"
        if last.is_file():
            held = json.loads(last.read_text())
            self.points = held["points"]
            self.verdict = held["verdict"] and SimpleNamespace(reason=held["verdict"][0], evidence=held["verdict"][1])
        _write(self.folder / "plan.json", plan)

    def advance(self) -> dict[str, float]:
        seconds = os.environ.get("SYNTHETIC_SECONDS", "0")
        time.sleep(float(os.environ.get("SYNTHETIC_FINAL_SECONDS", seconds) if "-s" in self.plan["trial"] else seconds))
        number = len(self.points) + 1
        needy, _, share = os.environ.get("SYNTHETIC_NEEDS", "").partition("=")
        if number > 1 and needy == self.plan["trial"].partition("-s")[0] and assigned_gpu() < float(share):
            raise RuntimeError(f"CUDA out of memory. Tried to allocate {number} GiB")
        kimg = min(self.plan["kimg"], number * self.plan["report_every"])
        floor = 20 + 30 * abs(math.log10(self.plan["values"]["lr_g"]) + 3.5)
        point = {"kimg": kimg, "images": kimg * 1000, "fid": floor + 200 * math.exp(-kimg / 10), "d_loss": 0.5, "seconds": number * 0.1}
        self.points.append(point)
        if os.environ.get("SYNTHETIC_DIES") == f"{self.plan['trial']}@{number}" and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if kimg >= self.plan["kimg"]:
            self.verdict = SimpleNamespace(reason="budget", evidence="trained its full budget")
        elif floor > 60 and number == 4:
            self.verdict = SimpleNamespace(reason="d_won", evidence="made to")
        held = {"points": self.points, "verdict": self.verdict and [self.verdict.reason, self.verdict.evidence]}
        _write(self.folder / "last.pt", held)
        _write(self.folder / "best.pt", held)
        return point


def assigned_gpu() -> float:
    """The share that Ray has given this worker."""
    import ray

    return float(ray.get_runtime_context().get_assigned_resources().get("GPU", 0.0))


def probe(plan: dict[str, Any]) -> dict[str, int]:
    """As a memory probe's finding looks: a quarter of the card, but for D's large batches."""
    assert assigned_gpu() == 1.0
    assert plan["report_every"] == plan["kimg"] <= 20.0
    return {"used": 20 * 2**30, "total": 100 * 2**30}


def score(plan: dict[str, Any], *, seed: int, n: int) -> dict[str, Any]:
    """As a real score looks."""
    points = json.loads((Path(plan["folder"]) / "best.pt").read_text())["points"]
    fid = min(point["fid"] for point in points) + (seed % 7) * 0.1
    return {"fid": fid, "provenance": {"extractor": "none", "n_fake": n}, "floor": {"fid": 0.5}}


def _write(path: Path, content: Any) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content))
    os.replace(partial, path)

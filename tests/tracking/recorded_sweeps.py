"""Sweep folders as a driver leaves them, with a few invented trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gantune.tracking import store
from gantune.tracking.spool import Spool

SPEC = {
    "name": "dcgan",
    "family": "dcgan",
    "data": "mnist5k",
    "objective": {"metric": "fid", "mode": "min"},
    "budget": {"trials": 3, "kimg": 20},
}
PROVENANCE = {"extractor": "mnist_cnn", "n_fake": 1000}


def new_sweep(runs: Path, name: str = "dcgan") -> Path:
    """An empty sweep's folder with its frozen description."""
    folder = store.new_instance(runs, name)
    store.freeze(folder, SPEC | {"name": name}, versions={"gantune": "0.1.0", "torch": "2.15"})
    return folder


def point(kimg: float, fid: float, **more: float) -> dict[str, float]:
    """One report."""
    return {"kimg": kimg, "images": kimg * 1000, "fid": fid, "d_loss": 0.1 + kimg / 1000, "g_loss": 2.0, "seconds": kimg / 2} | more


def start_trial(spool: Spool, number: int, **more: Any) -> str:
    """A trial event; gives the trial's id."""
    trial = f"{number:04d}"
    values = {"lr_g": 1e-4 * (number + 1), "k": 1, "features": 16, "optimiser": "adam", "k_table": [[0, 1], [5, 2]]}
    origin = "sampler" if number else "canonical"
    spool.append(
        "trial",
        **({"trial": trial, "number": number, "params": {"lr_g": values["lr_g"]}, "values": values, "origin": origin, "note": None} | more),
    )
    return trial


def end_trial(spool: Spool, trial: str, fid: float | None, kimg: float, reason: str = "budget", state: str = "complete") -> None:
    """An end event."""
    spool.append("end", trial=trial, state=state, reason=reason, evidence=f"because of {reason}", fid=fid, kimg=kimg, seconds=kimg / 2)


def write_sweep(runs: Path, *, trials: int = 3, reports: int = 5, done: bool = True, curves: Sequence[float] = ()) -> Path:
    """A sweep whose trials end with FID 10, 11, 12, ... or with `curves`; the second is stopped by ASHA after two reports."""
    folder = new_sweep(runs)
    with Spool(folder) as spool:
        spool.append("driver", segment=0, pid=1, host="here", slots=2, versions={"gantune": "0.1.0"})
        spool.append("phase", phase="search", seconds=0.0)
        for number in range(trials):
            trial = start_trial(spool, number)
            last = curves[number] if curves else 10.0 + number
            count = 2 if number == 1 else reports
            for index in range(1, count + 1):
                spool.append("report", trial=trial, point=point(4.0 * index, last + 10 * (reports - index)))
            end_trial(spool, trial, last, 4.0 * count, *(("asha", "pruned") if number == 1 else ("budget", "complete")))
        if done:
            metrics = {"fid": 9.5, "kid": math.nan}
            spool.append("score", trial="0000", seed=1, n=1000, metrics=metrics, provenance=PROVENANCE, floor={"fid": 1.0})
            for seed in (0, 1):
                spool.append(
                    "final",
                    who="0000",
                    seed=seed,
                    kimg=20.0,
                    seconds=10.0,
                    metrics={"fid": 9.0 + seed},
                    points=[point(4.0, 30.0), point(20.0, 9.5)],
                    provenance=PROVENANCE,
                    floor={"fid": 1.0},
                )
            spool.append("phase", phase="done", seconds=1.0)
    return folder

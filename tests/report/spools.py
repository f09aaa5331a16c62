"""Sweep folders with invented curves, as the driver would have left them."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np

LN2 = math.log(2)
PROVENANCE = {
    "extractor": "mnist_cnn",
    "weights_hash": "5f1c0ad2e9b34471",
    "resize": "none (28 px features of 32 px images)",
    "split": "heldout",
    "n_real": 1000,
    "n_fake": 2000,
    "data": "mnist5k",
    "shape": [1, 32, 32],
    "fingerprint": "9d0f3be1c2a8",
    "version": 1,
}
SAMPLING = {"checkpoint": "best", "kimg": 60.0, "batch_norm": "running", "ema_kimg": 0.0}
FLOOR = {"fid": 3.1, "kid": 0.0002, "precision": 0.97, "recall": 0.96}
CANONICAL = {"lr_g": 2e-4, "lr_ratio": 1.0, "k": 1, "beta1": 0.5}


def write_sweep(
    folder: Path,
    *,
    trials: int = 24,
    reports: int = 15,
    finalists: bool = True,
    done: bool = True,
    searches: str = "dcgan",
    pictures: bool = True,
    provenance: dict[str, Any] | None = None,
    seed: int = 0,
    scored: bool = True,
    family: str = "dcgan",
) -> Path:
    """Write sweep.json, spool.jsonl and a few sample grids; returns the folder."""
    folder.mkdir(parents=True)
    provenance = PROVENANCE if provenance is None else provenance
    rng, clock, budget = random.Random(seed), [1_790_000_000.0], 60.0
    spec = _spec(folder.name, family, trials, budget, searches)
    versions = {"gantune": "0.1.0", "torch": "2.15.0"}
    (folder / "sweep.json").write_text(json.dumps({"name": folder.name, "created": clock[0], "spec": spec, "versions": versions}))
    events: list[dict[str, Any]] = []

    def put(kind: str, **fields: Any) -> None:
        clock[0] += rng.uniform(0.2, 2.0)
        events.append({"kind": kind, "t": clock[0], **fields})

    put(
        "driver",
        segment=0,
        pid=1,
        host="a-machine",
        slots=2,
        versions={"gantune": "0.1.0", "torch": "2.15.0", "ray": "2.60.0", "python": "3.11.9"},
    )
    put("phase", phase="search", seconds=0.0)
    ended: list[tuple[float, str]] = []
    for number in range(trials):
        trial, params = f"{number:04d}", _params(number, searches, rng)
        origin = "canonical" if number == 0 and searches == "dcgan" else "sampler"
        values = {**CANONICAL, "batch": 64, "optimiser": "adam", "ema_kimg": 0.0, **params}
        put("trial", trial=trial, number=number, params=params, values=values, origin=origin, note=None)
        points, reason, evidence = _curve(params, reports, budget, rng)
        for point in points:
            put("report", trial=trial, point={name: _plain(value) for name, value in point.items()})
        if not done and number >= trials - 2:
            continue
        best = min((point["fid"] for point in points if math.isfinite(point["fid"])), default=None)
        last = points[-1] if points else {"kimg": 0.0, "seconds": 0.0}
        state = "complete" if reason in ("budget", "equilibrium", "plateau") else "failed" if reason in ("infra", "error") else "pruned"
        put("end", trial=trial, state=state, reason=reason, evidence=evidence, fid=best, kimg=last["kimg"], seconds=last["seconds"])
        if best is not None:
            ended.append((best, trial))
        if pictures and (number < 12 or (best or 999) < 60):
            _grids(folder / "trials" / trial / "grids", best, rng)
    if done and scored:
        put("phase", phase="score", seconds=400.0)
        for best, trial in ended:
            fid = best * rng.uniform(1.0, 1.12)
            metrics = {
                "fid": fid,
                "kid": fid / 9000,
                "precision": max(0.0, 0.95 - fid / 300),
                "recall": max(0.0, 0.9 - fid / 200),
                "c2st_loss": 0.6,
            }
            put("score", trial=trial, seed=12345, n=2000, metrics=metrics, provenance=provenance, floor=FLOOR, sampling=SAMPLING)
    if done and finalists:
        put("phase", phase="finalists", seconds=420.0)
        top = [trial for _, trial in sorted(ended)[:2]]
        for who, level in (("canonical", 41.0), *((trial, 24.0 + 15 * place) for place, trial in enumerate(top))):
            for run in range(3):
                final = {"fid": level * rng.uniform(0.92, 1.08), "kid": level / 9000, "precision": 0.8, "recall": 0.7}
                settings = {**provenance, "n_fake": 5000}
                put(
                    "final",
                    who=who,
                    seed=1000 + run,
                    kimg=budget,
                    seconds=58.0 + run,
                    metrics=final,
                    provenance=settings,
                    floor=FLOOR,
                    sampling=SAMPLING,
                )
                if pictures:
                    _grids(folder / "finalists" / f"{who}-s{1000 + run}" / "grids", level, rng, kimgs=(60,))
    if done:
        put("phase", phase="done", seconds=900.0)
    (folder / "spool.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def _spec(name: str, family: str, trials: int, budget: float, searches: str) -> dict[str, Any]:
    return {
        "name": name.rsplit("-", 1)[0],
        "source": f"sweeps/{name.rsplit('-', 1)[0]}.yaml",
        "family": family,
        "data": "mnist5k",
        "objective": {"metric": "fid", "mode": "min"},
        "budget": {"trials": trials, "kimg": budget, "report_every": 4.0, "hours": None, "gpu_hours": None},
        "finalists": {"top": 2 if searches == "dcgan" else 0, "seeds": 3, "kimg": None},
        "metrics": {"extractor": "auto", "n_fake": 1000, "n_real": 0, "weights": None},
    }


def _params(number: int, searches: str, rng: random.Random) -> dict[str, Any]:
    if searches == "balance":
        return {"lr_ratio": (0.01, 0.1, 0.25, 1.0, 5.0)[number // 3 % 5], "seed": number % 3}
    if number == 0:
        return dict(CANONICAL)
    rates = {"lr_g": 10 ** rng.uniform(-5, -2), "lr_ratio": 10 ** rng.uniform(-2, 1)}
    return {**rates, "k": rng.choice([1, 2, 3, 5]), "beta1": rng.uniform(0, 0.9)}


def _curve(params: dict[str, Any], reports: int, budget: float, rng: random.Random) -> tuple[list[dict[str, float]], str, str | None]:
    """A GAN's curve as its rates and k would have it: a strong D pulls d_loss to 0, a weak one leaves it above ln 2."""
    strength = math.log10(params["lr_ratio"]) + 0.6 * math.log10(params.get("k", 1)) + rng.gauss(0, 0.15)
    off_rate = abs(math.log10(params.get("lr_g", 3e-4) / 3e-4))
    target = 18 + 40 * (strength + 0.3) ** 2 + 45 * off_rate**2
    level = LN2 * 2 / (1 + math.exp(2.2 * strength + 1.1))
    points: list[dict[str, float]] = []
    wild = off_rate > 1.25
    for index in range(1, reports + 1):
        kimg = budget * index / reports
        fid = target + (320 - min(target, 300)) * math.exp(-kimg / 14) + rng.gauss(0, 2 + 0.03 * target)
        d_loss = level + (LN2 - level) * math.exp(-kimg / 5) + rng.gauss(0, 0.02)
        g_loss = max(0.2, LN2 + 2.4 * (LN2 - d_loss) * (1 + kimg / 80) + rng.gauss(0, 0.08))
        point = {"kimg": kimg, "images": 1000 * kimg, "seconds": kimg * (0.95 + 0.1 * params.get("k", 1) / 5) * rng.uniform(0.99, 1.01)}
        point |= {"d_loss": max(0.005, d_loss), "g_loss": g_loss, "d_loss_heldout": max(0.01, d_loss + 0.004 * kimg), "fid": max(6.0, fid)}
        point |= {"precision": 0.9, "recall": 0.7, "logit_spread": 3.0, "c2st_loss": 0.5, "images_per_s": 1000.0, "d_acc_real": 0.8}
        if wild and index >= 3:
            points.append(point | {"d_loss": math.nan if index > 3 else 38.0, "g_loss": math.inf, "fid": math.nan})
            return points, "diverged", f"d_loss is not finite at {kimg:g} kimg"
        points.append(point)
        if "seed" not in params and kimg >= 16 and d_loss < 0.08 and fid > 60:
            return points, "d_won", f"held-out accuracy above 0.99 for 8 kimg and FID {fid:.0f} not improving"
        if "seed" not in params and kimg >= 20 and strength < -1.6:
            return points, "mode_collapse", "recall below 0.02 for 8 kimg <while> D & G loop"
        if "seed" not in params and index in (3, 9) and fid > (150 if index == 3 else 75):
            return points, "asha", f"rung at {kimg:g} kimg: {fid:.0f} is not in the best third"
        if kimg >= 44 and abs(strength + 0.45) < 0.06:
            return points, "equilibrium", "within 0.02 nats of ln 2 for 8 kimg"
    return points, "budget", None


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value).replace("Infinity", "inf")


def _grids(folder: Path, best: float | None, rng: random.Random, kimgs: tuple[int, ...] = (4, 32, 60)) -> None:
    from PIL import Image

    folder.mkdir(parents=True)
    for kimg in kimgs:
        noise = np.random.default_rng(rng.randrange(2**31)).integers(0, 255, (8 * 34 - 2, 8 * 34 - 2), dtype=np.uint8)
        rows, columns = np.indices(noise.shape)
        ring = 200.0 * (np.abs(np.hypot(rows % 34 - 16, columns % 34 - 16) - 9) < 3)
        share = min(1.0, kimg / 60) * (1 - min(best or 300, 300) / 400)
        Image.fromarray((share * ring + (1 - share) * noise * 0.6).astype(np.uint8)).save(folder / f"kimg_{kimg:06d}.png")

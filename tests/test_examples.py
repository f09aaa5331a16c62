"""The family of one's own in examples/, through the whole path that it is an example of."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gantune.families import open_family
from gantune.spec import load_sweep
from gantune.tracking.record import SweepRecord

ROOT = Path(__file__).parents[1]
SWEEP = ROOT / "examples" / "my_gan.yaml"
TINY = [
    "features=4",
    "budget.kimg=0.4",
    "budget.report_every=0.2",
    "metrics.n_fake=100",
    "score.n=100",
    "finalists.top=0",
    "scheduler=none",
]


def test_its_sweep_is_found_from_any_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = load_sweep(str(SWEEP))
    assert "target" in spec.space.domains
    assert spec.config(spec.space.canonical()[0][0]).hparams.target == 0.9


def test_a_constant_d_can_do_no_better_than_its_equilibrium() -> None:
    family = open_family(f"{ROOT / 'examples' / 'my_gan.py'}:MyGAN")
    for target in (0.7, 0.9, 1.0):
        hp = family.Hparams(target=target)
        logits = torch.linspace(-3, 3, 6001, dtype=torch.float64)
        losses = [float(family.adversarial_d(logit[None], logit[None], hp)) for logit in logits]  # type: ignore[attr-defined]
        reading = family.equilibrium(hp)
        assert reading is not None
        assert min(losses) == pytest.approx(reading.value, abs=1e-6)
        on_real = torch.tensor([math.log(target / (1 - target)) if target < 1 else 60.0], dtype=torch.float64)
        perfect = float(family.adversarial_d(on_real, torch.tensor([-60.0]).double(), hp))  # type: ignore[attr-defined]
        assert reading.value - perfect == pytest.approx(reading.scale)
    assert reading.value == pytest.approx(math.log(2))


@pytest.mark.slow
def test_two_tiny_trials_of_it_go_the_whole_way(tmp_path: Path) -> None:
    sets = [part for text in TINY for part in ("--set", text)]
    command = [sys.executable, "-m", "gantune", "sweep", str(SWEEP), "--trials", "2", *sets, "--runs", "runs", "--local"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "runs" / "my_gan-1"
    record = SweepRecord.load(folder)
    assert [trial.reason for trial in record.trials] == ["budget", "budget"]
    assert all(trial.scored is not None and "target" in trial.params for trial in record.trials)
    plan = json.loads((folder / "trials" / "0001" / "plan.json").read_text())
    assert plan["family"] == f"{folder.resolve() / 'code' / 'my_gan.py'}:MyGAN", "workers run the copy that is kept with the sweep"
    assert (folder / "report" / "index.html").is_file()

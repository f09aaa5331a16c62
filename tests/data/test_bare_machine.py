"""Cached data and the shipped classifier work where there is nothing but torch and numpy."""

from __future__ import annotations

import subprocess
import sys

from gantune.data import open_dataset

ABSENT = ("mlxtend", "torchvision", "PIL", "safetensors", "torch_fidelity", "scipy", "sklearn", "pandas")
CODE = f"""
import sys
sys.modules.update(dict.fromkeys({ABSENT!r}))
import pathlib, torch
from gantune.data import open_dataset, to_unit
from gantune.families.base import Samples
from gantune.metrics import Evaluator, MetricSettings
import gantune.metrics.compare
cache = pathlib.Path(sys.argv[1])
data = open_dataset("mnist5k", cache=cache)
print(Evaluator(data, MetricSettings(n_fake=100, n_real=200), torch.device("cpu"), cache)(Samples(to_unit(data.heldout[:100])))["fid"])
"""


def test_torch_and_numpy_are_enough(tmp_path):
    open_dataset("mnist5k", cache=tmp_path)
    done = subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 100

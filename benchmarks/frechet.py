"""The Fréchet step at 2048 dimensions: gantune's, with the real side cached, against scipy's general matrix root.

`python benchmarks/frechet.py [--dims 2048] [--repeats 3]` prints the seconds of both, their ratio and how far the values
differ, all from one run on the same features; it fails when the ratio is below 8 or the values differ by more than 1e-4.
Both start from the fake side's mean and covariance and use one thread (set OPENBLAS_NUM_THREADS and OMP_NUM_THREADS for more).
The real side's root is computed once a data set and timed apart.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read when numpy, scipy and torch are imported
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import scipy  # noqa: E402
import torch  # noqa: E402
from scipy.linalg import sqrtm  # noqa: E402

from gantune.metrics.frechet import Gaussian, frechet, gaussian, rooted  # noqa: E402

WANTED = 8.0


def features(n: int, dims: int, seed: int) -> torch.Tensor:
    """Non-negative features whose covariance has a long tail, as pooled activations have."""
    source = np.random.RandomState(seed)
    mixing = np.random.RandomState(0).standard_normal((dims, dims)) * np.geomspace(1, 1e-2, dims)[:, None]
    return torch.from_numpy(np.maximum(source.standard_normal((n, dims)) @ mixing / dims**0.5 + 0.05 * seed, 0))


def with_sqrtm(real: Gaussian, fake: Gaussian) -> float:
    """The usual formula, with the square root of the product of both covariances."""
    root = sqrtm(real.cov.numpy() @ fake.cov.numpy())
    offset = (real.mean - fake.mean).square().sum()
    return float(offset + real.cov.trace() + fake.cov.trace() - 2 * np.trace(root).real)


def timed(step: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The shortest of `repeats` runs, in seconds, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = step()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def main() -> int:
    """Measure and compare; 0 when fast and right enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dims", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    n = options.dims * 5 // 2
    real, fake = (gaussian(features(n, options.dims, seed)) for seed in (1, 2))
    root_seconds, real_side = timed(lambda: rooted(real), 1)
    ours_seconds, ours = timed(lambda: frechet(real_side, fake), options.repeats)
    scipy_seconds, theirs = timed(lambda: with_sqrtm(real, fake), options.repeats)
    ratio, error = scipy_seconds / ours_seconds, abs(ours - theirs) / abs(theirs)
    threads = f"threads: OpenBLAS {os.environ['OPENBLAS_NUM_THREADS']}, torch {torch.get_num_threads()}"
    print(f"{options.dims} dimensions, {n} samples a side; {threads}; scipy {scipy.__version__}, torch {torch.__version__}")
    print(f"real side's root, once      {root_seconds:8.2f} s")
    print(f"gantune, real side cached   {ours_seconds:8.2f} s   {ours:.8g}")
    print(f"scipy.linalg.sqrtm          {scipy_seconds:8.2f} s   {theirs:.8g}")
    print(f"{ratio:.1f} x faster (wanted: {WANTED:g} x), relative difference {error:.1e}")
    return 0 if ratio >= WANTED and error < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())

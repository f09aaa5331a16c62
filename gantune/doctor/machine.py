"""Examines this machine: versions, cores, memory, disk, GPUs, the runs folder, the tracking server."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from gantune.doctor import node, words
from gantune.doctor.check import Check
from gantune.doctor.shared import made, token_in
from gantune.runtime.address import NAMED, NO_CLIENT, knock
from gantune.servers import shown


def examine_machine(runs: Path) -> list[Check]:
    """All findings, in the order in which they matter. Nothing is left behind on the machine."""
    checks: list[Callable[[], Check]] = [
        _python,
        _packages,
        _cores,
        _memory,
        _gpu,
        lambda: _folder(runs),
        lambda: _disk(runs),
        _shm,
        _tracker,
        _ray,
    ]
    return [check() for check in checks]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", sys.version_info >= (3, 11), version, "gantune needs Python 3.11 or newer.")


def _packages() -> Check:
    names = ["torch", "torchvision", "ray", "optuna", "mlflow", "pandas", "pyarrow"]
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    return Check("packages", not missing, ", ".join(found), f"Missing: {', '.join(missing)}. Run: pip install -e .")


def _cores() -> Check:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check("CPU cores", count >= 1, str(count))


def _memory() -> Check:
    return words.memory(node.memory(), 3.5, "Ray and two trials want 4 GiB; use fewer slots with --set resources.cpu=N.")


def _gpu() -> Check:
    import torch

    if not torch.cuda.is_available():
        listed = shutil.which("nvidia-smi") is not None and Path("/proc/driver/nvidia").exists()
        mend = "A driver is installed but torch sees no GPU: compare `nvidia-smi` with torch.version.cuda."
        return Check("GPU", not listed, "none; trials run on the CPU", mend)
    names = [f"{torch.cuda.get_device_name(i)} ({torch.cuda.mem_get_info(i)[1] / 2**30:.0f} GiB)" for i in range(torch.cuda.device_count())]
    return Check("GPU", True, ", ".join(names))


def _folder(runs: Path) -> Check:
    try:
        with made(runs.absolute()), token_in(runs):
            return Check("runs folder", True, str(runs.absolute()))
    except OSError as error:
        return Check("runs folder", False, f"{runs.absolute()} cannot be written: {error.strerror}", "Give another with --runs DIR.")


def _disk(runs: Path) -> Check:
    mend = "Sweeps keep two checkpoints a trial; free some space, set storage.checkpoints_gb, or give another --runs DIR."
    return words.disk("free disk", node.free(str(runs.absolute())), 2, mend)


def _shm() -> Check:
    return words.shm(node.shm())


def _tracker() -> Check:
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith("http"):
        return Check("MLflow", True, shown(uri) or "the store in the runs folder")
    return words.tracker(uri, node.ask_tracker(uri))


def _ray() -> Check:
    address = os.environ.get("RAY_ADDRESS", "")
    if not address:
        return Check("Ray", True, "starts on this machine with each sweep")
    if address.startswith("ray://"):
        return Check("Ray", False, address, NO_CLIENT)
    if address in NAMED:
        return Check("Ray", True, address)
    try:
        knock(address, 3)
        return Check("Ray", True, f"cluster at {address}")
    except (OSError, ValueError) as error:
        return Check("Ray", False, f"{address}: {error}", "Start the cluster, or unset RAY_ADDRESS to run on this machine.")

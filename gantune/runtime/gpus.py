"""How many GPUs a sweep would find, asked before its file is read."""

from __future__ import annotations

import os

import torch

from gantune.runtime.session import session


def visible_gpus(*, local: bool = False) -> int:
    """Those of the cluster that RAY_ADDRESS names, or of this machine."""
    if local or not os.environ.get("RAY_ADDRESS"):
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    with session() as cluster:
        return int(cluster.gpus)

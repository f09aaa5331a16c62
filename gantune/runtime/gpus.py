"""Where a sweep would run and what it would find there, asked before its file is read."""

from __future__ import annotations

import os

import torch
from ray._private.utils import get_num_cpus  # Ray's own count, so that we tell what it will take

from gantune.runtime.machines import Machine
from gantune.runtime.session import Session, session


def look(*, local: bool = False) -> Session:
    """The cluster that RAY_ADDRESS names, or this machine, for which no Ray is started."""
    if local or not os.environ.get("RAY_ADDRESS"):
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return Session(None, (Machine(get_num_cpus(override_docker_cpu_warning=True), gpus),))
    with session() as cluster:
        return cluster


def visible_gpus(*, local: bool = False) -> int:
    """How many GPUs a sweep can count on."""
    return int(look(local=local).gpus)

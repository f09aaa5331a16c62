"""From what a machine says about itself to findings: what is enough, and what to do when it is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantune.doctor.check import Check
from gantune.servers import shown

GIB = 2**30


def memory(size: int, least_gib: float, mend: str, node: str = "") -> Check:
    """Of the machine."""
    return Check("memory", size >= least_gib * GIB, f"{size / GIB:.1f} GiB", mend, node)


def disk(name: str, free: int | None, least_gib: float, mend: str, node: str = "") -> Check:
    """Free space."""
    if free is None:
        return Check(name, False, "cannot be told", mend, node)
    return Check(name, free >= least_gib * GIB, f"{free / GIB:.1f} GiB", mend, node)


def shm(size: int | None, node: str = "") -> Check:
    """Shared memory, of which containers have little."""
    if size is None:
        return Check("/dev/shm", True, "not used on this system", node=node)
    mend = "Ray's object store wants shared memory; in Docker give --ipc=host or --shm-size=2g."
    return Check("/dev/shm", size >= 0.5 * GIB, f"{size / GIB:.1f} GiB", mend, node)


def tracker(uri: str, answer: Mapping[str, Any], node: str = "") -> Check:
    """Whether MLflow's server takes what is sent from there."""
    uri = shown(uri)
    mend = "Start the server, or unset MLFLOW_TRACKING_URI. A sweep runs on without it; `gantune sync` catches up."
    host = uri.split("//")[-1].split("/")[0]
    if answer["status"] is None:
        if node and host.rpartition(":")[0] in ("localhost", "127.0.0.1", "[::1]"):
            mend = f"{host} is another machine on each node: set MLFLOW_TRACKING_URI to the head's name or address."
        return Check("MLflow", False, f"{uri}: {answer['error']}", mend, node)
    if answer["status"] == 403:
        mend = f"The server refuses this host name: start it with --allowed-hosts {host}."
    elif answer["status"] == 401:
        mend = "The server wants a login: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
    ok = answer["status"] == 200
    return Check("MLflow", ok, uri if ok else f"{uri} answers {answer['status']}", mend, node)

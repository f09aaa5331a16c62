"""What a machine says about itself, as plain values.

These functions are sent to a cluster's nodes by value and run there even where gantune is missing or another, so that this module needs
nothing but the standard library, and none of them anything from outside it.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

PACKAGES = ("ray", "torch")
TORCH_SECONDS = 15.0  # to import torch and to look for GPUs
TRACKER_SECONDS = 5.0
COUNT_GPUS = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"
PIPES = "/tmp/nvidia-mps"  # where CUDA looks for MPS unless CUDA_MPS_PIPE_DIRECTORY says otherwise


def glance(asked: dict[str, Any]) -> dict[str, Any]:
    """What must be right before a sweep starts: versions, and the shared folder. `asked` is {token, node}."""
    return {"versions": versions(), "shared": write_back(asked["token"], asked["node"])}


def examine(asked: dict[str, Any]) -> dict[str, Any]:
    """Everything. `asked` is {token, node, gpus: what Ray counts, runs: the folder of sweeps, tracker: a URI or None}."""
    uri = asked["tracker"] or os.environ.get("MLFLOW_TRACKING_URI", "")
    return glance(asked) | {
        "gpus": gpus() if asked["gpus"] or os.path.exists("/dev/nvidia0") else {"count": 0},
        "mps": mps(),
        "free": {place: free(place) for place in (asked["runs"], "/tmp")},
        "memory": memory(),
        "shm": shm(),
        "tracker": ask_tracker(uri) | {"uri": uri} if uri.startswith("http") else None,
    }


def clock(asked: Any) -> float:
    """The time there, in unix seconds."""
    return time.time()


def versions() -> dict[str, Any]:
    """Of Python, Ray, torch and gantune, None where one is missing; `code` is a digest of gantune's files."""
    found: dict[str, Any] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    try:
        import gantune
    except ImportError:
        return found | {"gantune": None, "code": None}
    package = Path(gantune.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes())
    return found | {"gantune": gantune.__version__, "code": digest.hexdigest()[:12]}


def write_back(token: str, node: str) -> dict[str, Any]:
    """Read the driver's file in the folder `token` and write it back under the name of the node."""
    began = time.monotonic()
    try:
        content = Path(token, "token").read_text()
    except OSError as error:
        return {"failed": "read", "error": error.strerror or str(error)}
    try:
        with open(Path(token, node), "x") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return {"failed": "write", "error": error.strerror or str(error)}
    return {"failed": None, "content": content, "seconds": time.monotonic() - began}


def gpus() -> dict[str, Any]:
    """How many GPUs torch sees: {count}, or {count: None, error}. Asked in a process of its own, as Ray hides them from a task that asks
    for none; what the node's Ray itself was shown is what counts."""
    environment = dict(os.environ)
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    try:
        around = Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0")
    except OSError:  # no Linux, or another user's
        around = []
    for entry in around:
        if entry.startswith(b"CUDA_VISIBLE_DEVICES="):
            environment["CUDA_VISIBLE_DEVICES"] = entry.partition(b"=")[2].decode()
    try:
        done = subprocess.run([sys.executable, "-c", COUNT_GPUS], capture_output=True, text=True, timeout=TORCH_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return {"count": None, "error": f"torch did not say within {TORCH_SECONDS:g} s"}
    lines = done.stdout.split()
    if done.returncode or not lines or not lines[-1].isdecimal():
        return {"count": None, "error": (done.stderr.strip().splitlines() or ["torch said nothing"])[-1][:200]}
    return {"count": int(lines[-1])}


def mps() -> dict[str, Any]:
    """Whether NVIDIA's multi-process service answers: its folder of pipes, whether that was asked for, and whether it is there."""
    given = os.environ.get("CUDA_MPS_PIPE_DIRECTORY")
    folder = given or PIPES
    return {"folder": folder, "given": given is not None, "runs": os.path.exists(os.path.join(folder, "control"))}


def free(place: str) -> int | None:
    """Free bytes where `place` is, or will be; None where that cannot be told."""
    at = Path(place)
    while not at.exists() and at != at.parent:
        at = at.parent
    try:
        return shutil.disk_usage(at).free
    except OSError:
        return None


def memory() -> int:
    """Bytes of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def shm() -> int | None:
    """Bytes of /dev/shm; None on a system without it."""
    return shutil.disk_usage("/dev/shm").total if os.path.isdir("/dev/shm") else None


def ask_tracker(uri: str) -> dict[str, Any]:
    """What MLflow's server at `uri` answers: {status}, or {status: None, error}. Its API is asked: /health answers even where the Host
    header is refused. A login is sent as MLflow's client sends it, which takes it from the URI, too."""
    scheme, _, rest = uri.rstrip("/").partition("://")
    place, slash, path = rest.partition("/")
    own, _, place = place.rpartition("@")
    user, _, password = map(urllib.parse.unquote, own.partition(":"))
    login = f"{user or os.environ.get('MLFLOW_TRACKING_USERNAME', '')}:{password or os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
    headers = {"Content-Type": "application/json"}
    if login != ":":
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    url, asked = f"{scheme}://{place}{slash}{path}/api/2.0/mlflow/experiments/search", b'{"max_results": 1}'
    try:
        request = urllib.request.Request(url, data=asked, headers=headers)
        with urllib.request.urlopen(request, timeout=TRACKER_SECONDS) as answer:
            return {"status": answer.status}
    except urllib.error.HTTPError as error:
        return {"status": error.code}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"status": None, "error": str(error)}

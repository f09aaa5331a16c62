"""Which cluster belongs to a folder: the one in its cluster.yaml, once `ray up` has been run for it from this machine."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gantune.errors import UserError
from gantune.remote import launcher
from gantune.remote.launcher import ClusterDown, HeadUnready
from gantune.runtime.autoscaling import may_have
from gantune.runtime.machines import total

USUAL = Path("cluster.yaml")
SIGNS = (  # of what a cloud's provider lacks here, in its words, and what to do
    ("boto3", "Install what it wants: pip install -e '.[cluster]'"),
    ("googleapiclient", "Install what it wants: pip install google-api-python-client"),
    ("credentials", "Give this machine the cloud's credentials (`aws configure`, `gcloud auth application-default login`)"),
)
TRACE = "ray-config-*"  # what `ray up` leaves in the folder of temporary files: JSON with the resolved configuration


@dataclass(frozen=True)
class Cluster:
    """A cluster whose head is there."""

    file: Path
    name: str
    head: str  # its address
    flag: str = ""  # what names it on a command line in this folder, where that is needed

    def __str__(self) -> str:
        return f"cluster {self.name} (head {self.head})"


@dataclass(frozen=True)
class Candidate:
    """A cluster that was started from here, or that somebody names; whether it is there has not been asked yet."""

    file: Path
    name: str
    was_started: bool  # from this machine
    gpus: int | None = None  # how many its machines may have in all; None where that is not known here
    on_prem: bool = False  # then Ray knows the head only from a file of its own on the machine that started it

    def reach(self) -> Cluster:
        """Ask for its head. `UserError` where that cannot be found out or it is not ready, `ClusterDown` where there is none."""
        try:
            usual = self.was_started and self.file == USUAL
            return Cluster(self.file, self.name, launcher.head_address(self.file), "" if usual else f" --cluster {self.file}")
        except UserError as error:
            known = "was started from here" if self.was_started else "is what --cluster names"
            what, mend = self._wrong(error)
            here = "give --local" if self.was_started else "leave --cluster out"
            message = f"cluster {self.name} ({self.file}) {known}, but {what}. Nothing runs.\n{mend}; or {here} for this machine."
            raise type(error)(message) from None

    def _wrong(self, error: UserError) -> tuple[str, str]:
        """What is wrong, and what to do."""
        if isinstance(error, HeadUnready):  # plain `ray up` restarts Ray, which ends what runs
            again = f"ray up {self.file}, or, where a sweep runs, ray up --no-restart {self.file}"
            return str(error), f"Wait for the end of `ray up`, or see what it said; then: {again}"
        if isinstance(error, ClusterDown) and self.on_prem and not self.was_started:  # it may be up, and `ray up` would end what runs
            record = f"/tmp/ray/cluster-{self.name}.state"
            return "this machine has no record of it", (
                f"If it is up, copy {record} from its head to the same place here (docs/cluster.md). If it was never started, "
                f"RAY_UP_enable_autoscaler_v2=0 ray up {self.file}, which ends what runs on one that is up"
            )
        if isinstance(error, ClusterDown):
            return "it is not up", f"Start it: ray up {self.file}"
        told = str(error).rstrip(".")
        mend = next((mend for sign, mend in SIGNS if sign in told.lower()), "Try again")
        return f"its head is not to be found: {told}", mend


def find_cluster(file: Path | None = None) -> Candidate | None:
    """The cluster of this folder, or in `file`; None where there is no cluster.yaml, or no `ray up` was run for it from here.

    No call of Ray or a cloud is made. With a `file` that was named no trace of `ray up` is needed; `UserError` where it is no such file.
    """
    name, provider = _described(file or USUAL, must=file is not None)
    if name is None:
        return None
    traces = list(_traces(name, provider))
    if file is None and not traces:
        return None
    return Candidate(file or USUAL, name, bool(traces), _gpus(traces[0]) if traces else None, provider == "local")


def _described(file: Path, *, must: bool) -> tuple[str | None, str | None]:
    """Name and provider in a cluster file. Of a file that must be one `UserError` says why it is none."""
    try:
        content = YAML(typ="safe", pure=True).load(file.read_text())
        return str(content["cluster_name"]), str(content["provider"]["type"])
    except (OSError, YAMLError, KeyError, TypeError) as error:
        if not must:
            return None, None
        why = error.strerror if isinstance(error, OSError) else "it has no cluster_name and provider.type, which Ray's cluster files have"
        raise UserError(f"--cluster {file}: {why}.") from None


def _traces(name: str, provider: str | None) -> Iterator[Mapping[str, Any]]:
    """The resolved configurations that this user's `ray up` has left here for the cluster, the newest first."""
    found = []
    for path in Path(tempfile.gettempdir()).glob(TRACE):
        with contextlib.suppress(FileNotFoundError):  # removed since
            about = path.stat()
            found += [(about.st_mtime, path)] if about.st_uid == os.getuid() else []
    for _, path in sorted(found, reverse=True):
        try:
            config = json.loads(path.read_text())["config"]
            if (config["cluster_name"], config["provider"]["type"]) == (name, provider):
                yield config
        except (OSError, ValueError, KeyError, TypeError):  # removed since, or of another version of Ray
            continue


def _gpus(config: Mapping[str, Any]) -> int | None:
    types = [about for about in config.get("available_node_types", {}).values() if int(about.get("max_workers", 1))]
    if not types or not all(about.get("resources") for about in types):
        return None
    return int(total(may_have(config, [])).gpus)

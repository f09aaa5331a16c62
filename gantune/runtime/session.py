"""A connection to Ray: the cluster that RAY_ADDRESS names, or this machine; and everything of it gone afterwards."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import ray

from gantune.errors import UserError
from gantune.runtime.address import NAMED, NO_CLIENT, knock
from gantune.runtime.autoscaling import autoscaler_config, may_have
from gantune.runtime.cluster_view import UNANSWERED
from gantune.runtime.machines import Machine, parted, total

SOCKET_ROOM = 40  # characters of a temporary folder that leave room for Ray's socket names, which end at 107
ANSWERS_WITHIN = 10.0  # seconds
STORE = 256 * 2**20  # bytes; results are small


@dataclass(frozen=True)
class Session:
    """Where trials run, and what they can count on: machines that an autoscaler may add are started for the trials that wait."""

    address: str | None  # None: this machine, for this sweep only
    machines: tuple[Machine, ...]  # that are there
    all: tuple[Machine, ...] = ()  # that there may be at once, those that are there or others, where an autoscaler sees to it

    @property
    def cpus(self) -> float:
        """As many as there are, or may be."""
        return max(total(self.machines).cpus, total(self.all).cpus)

    @property
    def gpus(self) -> float:
        """As many as there are, or may be."""
        return max(total(self.machines).gpus, total(self.all).gpus)

    @property
    def where(self) -> str:
        """For a person: `this machine`, or the cluster."""
        return "this machine" if self.address is None else f"the Ray cluster at {self.address}"

    def fits(self, cpu: float, gpu: float) -> int:
        """How many trials fit at once."""
        return int(max(sum(one.places(cpu, gpu) for one in machines) for machines in (self.machines, self.all)))

    def slots(self, cpu: float, gpu: float) -> int:
        """How many trials fit at once. `UserError` when none ever does."""
        fits = self.fits(cpu, gpu)
        if fits < 1:
            each = ", no machine of it so much at once" if len(self.machines) > 1 else ""
            has = f"{self.where} has {self.cpus:g} CPU and {self.gpus:g} GPU{each}"
            raise UserError(
                f"resources: a trial asks for {cpu:g} CPU and {gpu:g} GPU, {has}.\n"
                "Ask for less with --set resources.cpu=… --set resources.gpu=…"
            )
        return fits

    def now(self) -> Session:
        """The cluster with the machines that are there by now; as it was, where Ray does not answer."""
        if self.address is None:
            return self
        try:
            head, workers = parted(ray.nodes())
        except UNANSWERED:
            return self
        return replace(self, machines=(*head, *workers))

    def __str__(self) -> str:
        there = total(self.machines)
        grows = (self.cpus, self.gpus) != there
        return f"{self.where} ({counted(*there)}{f'; it may grow to {counted(self.cpus, self.gpus)}' if grows else ''})"


def counted(cpus: float, gpus: float) -> str:
    """`8 CPUs, no GPU`."""
    parts = [
        f"{number:g} {kind}{'' if number == 1 else 's'}" if number else f"no {kind}" for number, kind in ((cpus, "CPU"), (gpus, "GPU"))
    ]
    return ", ".join(parts)


@contextlib.contextmanager
def session(*, local: bool = False, cpus: int | None = None) -> Iterator[Session]:
    """Ray, for as long as the context lasts."""
    address = None if local else os.environ.get("RAY_ADDRESS") or None
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a trial that asked for no GPU sees none
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
    own = None
    try:
        own = _connect(address, cpus)
        yield _found(address)
    finally:
        ray.shutdown()
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)


def _found(address: str | None) -> Session:
    head, workers = parted(ray.nodes())
    there = (*head, *workers)
    if address is None:
        return Session(None, there)
    gcs = ray.get_runtime_context().gcs_address  # which `auto` turned out to be
    config = autoscaler_config(gcs)
    return Session(gcs, there) if config is None else Session(gcs, there, (*head, *may_have(config, workers)))


def _connect(address: str | None, cpus: int | None) -> Path | None:
    """Connect to the cluster at `address`, or start Ray on this machine: gives the folder that it then keeps for itself."""
    if address is not None:
        if address.startswith("ray://"):
            raise UserError(f"RAY_ADDRESS={address}: {NO_CLIENT}")
        _check_listens(address)
        try:
            ray.init(address=address, log_to_driver=False, configure_logging=True, logging_level=logging.CRITICAL)
        except (ConnectionError, ValueError) as error:  # nobody there; no address
            raise _no_cluster(address, error) from None
        except ray.exceptions.AuthenticationError:
            raise UserError(
                f"RAY_ADDRESS={address}: RAY_AUTH_MODE is token, and there is no token here. "
                "Put the cluster's into ~/.ray/auth_token, or RAY_AUTH_TOKEN."
            ) from None
        return None
    long_tmp = len(tempfile.gettempdir()) > SOCKET_ROOM
    context = ray.init(
        address="local",
        include_dashboard=False,
        num_cpus=cpus,
        log_to_driver=False,
        configure_logging=True,
        logging_level=logging.CRITICAL,
        object_store_memory=STORE,
        _temp_dir=f"/tmp/ray-{os.getuid()}" if long_tmp else None,
    )
    return Path(context.address_info["session_dir"])


def _check_listens(address: str) -> None:
    """`UserError` when nothing listens at HOST:PORT: Ray itself tries for minutes, and logs every attempt. `auto` names no place."""
    if address not in NAMED:
        try:
            knock(address, ANSWERS_WITHIN)
        except (OSError, ValueError) as error:
            raise _no_cluster(address, error) from None


def _no_cluster(address: str, error: Exception) -> UserError:
    return UserError(f"RAY_ADDRESS={address}: no Ray cluster answers there ({error}).\nUnset it or give --local to run on this machine.")

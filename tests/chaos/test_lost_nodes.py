"""A cluster of several nodes on this machine: one of them is lost in the middle of a sweep, one joins, and a driver is told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from accounts import Counts, assert_accounted, wait_until
from mlflow_stores import uri_of
from processes import DriverProcess, events, opened
from ray.cluster_utils import Cluster

STORE = 80 * 2**20  # bytes
NODE = {"num_cpus": 1, "object_store_memory": STORE}


@contextlib.contextmanager
def cluster(nodes: int, seconds: float) -> Iterator[tuple[Cluster, list[Any]]]:
    """A head that runs no trials, and nodes of one CPU, whose workers take so many seconds for a report."""
    before = os.environ.get("SYNTHETIC_SECONDS")
    os.environ["SYNTHETIC_SECONDS"] = str(seconds)  # workers have the environment of their node, not of the driver
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False})
    try:
        added = [running.add_node(**NODE) for _ in range(nodes)]
        running.wait_for_nodes()
        yield running, added
    finally:
        running.shutdown()
        if before is None:
            del os.environ["SYNTHETIC_SECONDS"]
        else:
            os.environ["SYNTHETIC_SECONDS"] = before


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_a_node_lost_in_the_middle_costs_no_trial(folder: Path, start: Callable[..., DriverProcess]) -> None:
    with cluster(3, 1.0) as (running, nodes):
        driver = start(folder, "--cluster", RAY_ADDRESS=running.address)
        driver.wait_for(3, "end")
        before = Counts.of(folder)
        nodes[1].kill_raylet(check_alive=False)  # as when its machine is gone: no goodbye to anybody
        driver.finish(400)
        assert_accounted(folder, uri_of(folder.parent), before)
    again = [event for event in events(folder) if event["kind"] == "requeue"]
    [trial] = {event["trial"] for event in again}  # only what ran there was lost
    assert all(event["why"] for event in again)
    assert opened(folder).count(trial) > 1


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_a_driver_on_a_cluster_stops_within_five_seconds_and_its_trials_with_it(folder: Path, start: Callable[..., DriverProcess]) -> None:
    with cluster(2, 60.0) as (running, _):
        driver = start(folder, "--cluster", RAY_ADDRESS=running.address)
        wait_until(lambda: len(opened(folder)) == 2 if (folder / "opened.log").exists() else False, 120)
        asked = time.monotonic()
        os.kill(driver.process.pid, signal.SIGTERM)
        assert driver.process.wait(30) == 130
        assert time.monotonic() - asked < 5
        ray.init(address=running.address, log_to_driver=False)
        try:
            wait_until(lambda: ray.available_resources().get("CPU") == 2.0, 30)  # nobody trains for a driver that is gone
        finally:
            ray.shutdown()
    with cluster(2, 0.02) as (running, _):
        start(folder, "--cluster", "--resume", RAY_ADDRESS=running.address).finish()
        assert_accounted(folder, uri_of(folder.parent), Counts(2, 0, 0))


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_a_node_that_joins_in_the_middle_is_used(folder: Path, start: Callable[..., DriverProcess]) -> None:
    with cluster(1, 1.5) as (running, _):
        driver = start(folder, "--cluster", "--trials", "16", RAY_ADDRESS=running.address)
        driver.wait_for(1, "end")
        running.add_node(**NODE)
        driver.finish(400)
    told, at_once = events(folder), [0]
    for event in told:
        at_once.append(at_once[-1] + (event["kind"] == "trial") - (event["kind"] == "end"))
    grown = next(index for index, event in enumerate(told) if event["kind"] == "note" and "2 at a time" in event.get("text", ""))
    assert (max(at_once[: grown + 1]), max(at_once)) == (1, 2)
    assert_accounted(folder, uri_of(folder.parent), Counts(1, 1, 0), trials=16)

"""What Ray says of the cluster that this driver is connected to."""

from __future__ import annotations

import json
from typing import Any

import ray
from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
from ray.autoscaler.v2.sdk import get_cluster_status
from ray.experimental.internal_kv import _internal_kv_get

from gantune.runtime.machines import parted
from gantune.runtime.watchdog import ClusterView

UNANSWERED = (ray.exceptions.RayError, RuntimeError, ValueError, OSError)  # what these questions end with when the head is in trouble
ON_PURPOSE = ("EXPECTED_TERMINATION", "AUTOSCALER_DRAIN_PREEMPTED", "AUTOSCALER_DRAIN_IDLE")  # Ray's words


def look() -> ClusterView | None:
    """Nodes and resources, at this moment; None when Ray does not answer."""
    try:
        return _look()
    except UNANSWERED:
        return None


def _look() -> ClusterView:
    nodes = ray.nodes()
    head, workers = parted(nodes)
    free = ray.available_resources()
    status = get_cluster_status(ray.get_runtime_context().gcs_address)
    demands = (*status.resource_demands.ray_task_actor_demand, *status.resource_demands.placement_group_demand)
    return ClusterView(
        machines=(*head, *workers),
        lost=sum(not node["Alive"] for node in nodes),
        starting=_starting(status),
        free_cpus=free.get("CPU", 0.0),
        free_gpus=free.get("GPU", 0.0),
        unmet=sum(int(same.count) for demand in demands for same in demand.bundles_by_count),
    )


def is_leaving(node: str | None) -> bool:
    """Whether the node with this id is being drained, or is gone after that: taken back, scaled down or stopped. False when Ray does not
    answer, and of a worker that never told where it is."""
    if node is None:
        return False
    try:
        draining = ray._raylet.GcsClient(address=ray.get_runtime_context().gcs_address).get_draining_nodes()
        gone: dict[str, Any] = next((one for one in ray.nodes() if one["NodeID"] == node and not one["Alive"]), {})
    except UNANSWERED:
        return False
    return node in draining or gone.get("DeathReason") in ON_PURPOSE


def _starting(status: Any) -> int:
    """Nodes that the autoscaler has asked for and that have not joined. The older one leaves its status in Ray's key-value store."""
    kept = _internal_kv_get(DEBUG_AUTOSCALING_STATUS)
    if kept:
        report = json.loads(kept).get("autoscaler_report") or {}
        return len(report.get("pending_nodes") or []) + sum(map(int, (report.get("pending_launches") or {}).values()))
    return len(status.pending_nodes) + sum(int(launch.count) for launch in status.pending_launches)

"""cluster.yaml against Ray's own schema, and what gantune promises of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).parents[1] / "cluster.yaml"


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())


def test_ray_accepts_it(cluster: dict[str, Any]) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(cluster))
    with pytest.raises(Exception, match="max_worker"):
        validate_config(prepare_config(cluster | {"max_worker": 3}))


def test_every_machine_keeps_its_data_where_all_find_it(cluster: dict[str, Any]) -> None:
    for role in ("head", "worker"):
        [start] = [command for command in cluster[f"{role}_start_ray_commands"] if "ray start" in command]
        assert "GANTUNE_CACHE=/shared/gantune-cache " in start


def test_the_head_runs_no_trial_and_workers_are_spot(cluster: dict[str, Any]) -> None:
    nodes = cluster["available_node_types"]
    head = nodes.pop(cluster["head_node_type"])
    assert head["resources"] == {"CPU": 0}
    assert head["max_workers"] == 0
    assert all(node["min_workers"] == 0 for node in nodes.values())
    assert all(node["node_config"]["InstanceMarketOptions"]["MarketType"] == "spot" for node in nodes.values())

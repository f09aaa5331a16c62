"""What `ray up` was asked for, against who is there."""

from __future__ import annotations

from pathlib import Path

from doctor.facts import node

from gantune.doctor.expected import FILE, check_nodes, expected_of, read_expected

LOCAL = """
cluster_name: x
max_workers: 2
provider: {type: local, head_ip: 10.0.0.1, worker_ips: [10.0.0.2, 10.0.0.3]}
available_node_types:
  local.cluster.node: {node_config: {}, resources: {}, min_workers: 2, max_workers: 2}
head_node_type: local.cluster.node
"""


def test_a_cluster_that_ray_up_made_says_how_many(tmp_path: Path) -> None:
    assert read_expected(tmp_path) is None
    (tmp_path / FILE).write_text(LOCAL)
    expected = read_expected(tmp_path)
    assert expected is not None
    assert (expected.count, expected.addresses) == (3, ("10.0.0.1", "10.0.0.2", "10.0.0.3"))


def test_a_cloud_promises_the_least_of_each_kind() -> None:
    kinds = {"head": {"min_workers": 0}, "gpu": {"min_workers": 2, "max_workers": 16}, "cpu": {"min_workers": 1}, "odd": None}
    assert expected_of({"provider": {"type": "aws"}, "available_node_types": kinds}).count == 4


def test_a_file_that_was_not_prepared_counts_its_machines() -> None:
    provider = {"type": "local", "head_ip": "10.0.0.1", "worker_ips": ["10.0.0.2", "10.0.0.3"]}
    assert expected_of({"provider": provider}).count == 3
    assert expected_of({"provider": provider, "min_workers": 1}).count == 2


def test_missing_nodes_are_named() -> None:
    expected = expected_of(
        {"provider": {"head_ip": "10.0.0.1", "worker_ips": ["10.0.0.2", "10.0.0.3"]}, "available_node_types": {"n": {"min_workers": 2}}}
    )
    head, worker = node("a", address="10.0.0.1", is_head=True), node("b", address="10.0.0.2")
    short = check_nodes([head, worker], expected, "")
    assert not short.ok
    assert short.found.startswith("2 alive; ~/ray_bootstrap_config.yaml wants 3 or more")
    assert short.found.endswith("not there: 10.0.0.3")
    assert "auth_token" in check_nodes([head], expected, "token").mend
    assert check_nodes([head, worker, node("c", address="10.0.0.3")], expected, "").ok
    assert check_nodes([head], None, "").ok

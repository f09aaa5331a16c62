"""What a cluster may grow to, and how its autoscaler is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gantune.runtime import autoscaling
from gantune.runtime.autoscaling import autoscaler_config, may_have
from gantune.runtime.machines import HEAD, Machine, parted, total

GPU = {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 16}
LARGE = {"resources": {"CPU": 32, "GPU": 4}, "max_workers": 2}
ON_DEMAND = {"resources": {"CPU": 0}, "max_workers": 0}


@pytest.mark.parametrize(
    ("types", "limit", "expected"),
    [
        ({"head": ON_DEMAND, "gpu": GPU}, 16, Machine(128, 16)),
        ({"head": ON_DEMAND, "gpu": GPU}, 4, Machine(32, 4)),
        ({"head": ON_DEMAND, "gpu": GPU, "large": LARGE}, 4, Machine(80, 10)),
        ({"head": ON_DEMAND}, 4, Machine(0, 0)),
        ({}, 4, Machine(0, 0)),
    ],
)
def test_every_machine_that_is_allowed_counts(types: dict[str, object], limit: int, expected: Machine) -> None:
    assert total(may_have({"max_workers": limit, "available_node_types": types}, [])) == expected


def test_unknown_machines_are_like_the_smallest_there_is() -> None:
    on_premises = {"max_workers": 3, "available_node_types": {"local.cluster.node": {"resources": {}, "max_workers": 3}}}
    nodes = [
        {"Alive": True, "Resources": {"CPU": 2.0, HEAD: 1.0}},
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}},
        {"Alive": False, "Resources": {"CPU": 1.0}},
    ]
    head, workers = parted(nodes)
    assert head == [Machine(2, 0)]
    assert may_have(on_premises, workers) == [Machine(4, 1)] * 3
    assert total(may_have(on_premises, [])) == Machine(0, 0), "nothing is known of machines that none is there of"


def test_the_autoscaler_is_known_by_its_process(tmp_path: Path) -> None:
    config = tmp_path / "ray_bootstrap_config.yaml"
    config.write_text("max_workers: 3\n")
    monitor = tmp_path / "monitor.py"
    monitor.write_text("print('up', flush=True)\nimport time\ntime.sleep(60)\n")
    command = [sys.executable, str(monitor), "--gcs-address=10.99.0.1:6379", f"--autoscaling-config={config}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            assert autoscaler_config("10.99.0.1:6379") == {"max_workers": 3}
            assert autoscaler_config("10.99.0.2:6379") is None, "that of another cluster"
            config.write_text("{")
            assert autoscaler_config("10.99.0.1:6379") is None
        finally:
            process.kill()


def test_a_monitor_without_a_configuration_scales_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoscaling, "_command_lines", lambda: [["python", "x/monitor.py", "--gcs-address=10.0.0.1:6379"]])
    assert autoscaler_config("10.0.0.1:6379") is None

"""`ray up cluster.yaml` against a simulated AWS (moto): which machines are asked for, and every command that reaches head and worker."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from ray.autoscaler._private import commands
from ray.autoscaler._private.aws import config as ray_on_aws
from ray.autoscaler.tags import TAG_RAY_CLUSTER_NAME, TAG_RAY_NODE_KIND, TAG_RAY_USER_NODE_TYPE
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.instance_manager.ray_installer import RayInstaller
from ray.core.generated.instance_manager_pb2 import Instance

TOP = Path(__file__).parents[1]
ANSWERS = {
    "printenv HOME": b"/home/ray",
    "command -v docker": b"/usr/bin/docker",
    "{{.State.Running}}": b"false",
    "{{json .Config.Env}}": b'["HOME=/home/ray"]',
    "{{.Runtimes}}": b"map[nvidia:{nvidia-container-runtime []} runc:{runc []}]",
}
HEAD_IP = "172.31.0.9"


@dataclass
class Recorder:
    """Stands in for `subprocess`: notes what would be run, and answers Ray's questions as a machine with Docker and a GPU would."""

    ran: list[str] = field(default_factory=list)
    DEVNULL: int = subprocess.DEVNULL

    def check_call(self, command: Any, **_: Any) -> None:
        self.check_output(command)

    def check_output(self, command: Any, **_: Any) -> bytes:
        self.ran.append(command if isinstance(command, str) else " ".join(command))
        return next((answer for question, answer in ANSWERS.items() if question in self.ran[-1]), b"")

    def place(self, *parts: str) -> int:
        """Where the first command is that holds all the parts."""
        return next(i for i, command in enumerate(self.ran) if all(part in command for part in parts))


@dataclass(frozen=True)
class Rehearsal:
    """What came of it."""

    head: Recorder
    worker: Recorder
    machines: dict[str, dict[str, Any]]  # EC2's description by node type
    groups: list[dict[str, Any]]
    config: dict[str, Any]


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    home, checkout = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("checkout")
    (checkout / "pyproject.toml").touch()
    file = yaml.safe_load((TOP / "cluster.yaml").read_text().replace("ami-CHANGE-ME", "ami-12345678"))
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1", "HOME": str(home)}
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        for name, value in keys.items():
            patch.setenv(name, value)
        patch.setenv("RAY_UP_enable_autoscaler_v2", "1")
        patch.chdir(checkout)
        patch.setattr(ray_on_aws, "time", SimpleNamespace(sleep=lambda seconds: None, time=time.time))  # half a minute for rights to spread
        config = commands._bootstrap_config(file, no_config_cache=True)
        head, worker = Recorder(), Recorder()
        commands.get_or_create_head_node(config, "cluster.yaml", False, False, True, None, _runner=head)
        config.pop("head_node")  # as Ray does before it hands the file to the head, which starts the workers by it
        provider = commands._get_node_provider(config["provider"], config["cluster_name"])
        for kind in ("l4", "a10g"):
            tags = {TAG_RAY_NODE_KIND: "worker", TAG_RAY_USER_NODE_TYPE: kind}
            [id] = provider.create_node(config["available_node_types"][kind]["node_config"], tags, 1)
            if kind == "l4":
                provider.non_terminated_nodes({})  # Ray's cache of tags wants to have seen the machine
                instance = Instance(instance_id="1", instance_type=kind, cloud_instance_id=id)
                RayInstaller(provider, AutoscalingConfig(config, skip_content_hash=True), worker).install_ray(instance, HEAD_IP)
        ec2 = boto3.client("ec2")
        found = [machine for group in ec2.describe_instances()["Reservations"] for machine in group["Instances"]]
        machines = {next(tag["Value"] for tag in machine["Tags"] if tag["Key"] == TAG_RAY_USER_NODE_TYPE): machine for machine in found}
        yield Rehearsal(head, worker, machines, ec2.describe_security_groups()["SecurityGroups"], config)


def test_one_head_on_demand_and_workers_on_spot(rehearsal: Rehearsal) -> None:
    kinds = {kind: (machine["InstanceType"], machine.get("InstanceLifecycle")) for kind, machine in rehearsal.machines.items()}
    assert kinds == {"head": ("m6i.xlarge", None), "l4": ("g6.2xlarge", "spot"), "a10g": ("g5.2xlarge", "spot")}
    assert {machine["ImageId"] for machine in rehearsal.machines.values()} == {"ami-12345678"}
    named = [{tag["Key"]: tag["Value"] for tag in machine["Tags"]}[TAG_RAY_CLUSTER_NAME] for machine in rehearsal.machines.values()]
    assert named == ["gantune"] * 3


def test_every_zone_of_the_region_is_tried(rehearsal: Rehearsal) -> None:
    ec2 = boto3.client("ec2")
    subnets = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in ec2.describe_subnets()["Subnets"]}
    for kind in ("l4", "a10g"):
        tried = {subnets[subnet] for subnet in rehearsal.config["available_node_types"][kind]["node_config"]["SubnetIds"]}
        assert tried == {zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
        assert len(tried) >= 3


def test_a_worker_offers_its_gpu_and_the_head_nothing(rehearsal: Rehearsal) -> None:
    resources = {kind: node["resources"] for kind, node in rehearsal.config["available_node_types"].items()}
    assert resources["head"]["CPU"] == 0
    assert "GPU" not in resources["head"]
    assert [(resources[kind]["CPU"], resources[kind]["GPU"]) for kind in ("l4", "a10g")] == [(8, 1), (8, 1)]


def test_only_the_head_has_rights_on_the_bucket(rehearsal: Rehearsal) -> None:
    assert "IamInstanceProfile" in rehearsal.machines["head"]
    assert not any("IamInstanceProfile" in rehearsal.machines[kind] for kind in ("l4", "a10g"))
    policies = boto3.client("iam").list_attached_role_policies(RoleName="ray-autoscaler-v1")["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in policies} == {"AmazonEC2FullAccess", "AmazonS3FullAccess"}


def test_from_outside_ssh_alone_is_open(rehearsal: Rehearsal) -> None:
    [group] = [group for group in rehearsal.groups if group["GroupName"] == "ray-autoscaler-gantune"]
    open_ports = [rule["FromPort"] for rule in group["IpPermissions"] if rule["IpRanges"]]
    assert open_ports == [22]
    assert all(group["GroupId"] in {own["GroupId"] for own in machine["SecurityGroups"]} for machine in rehearsal.machines.values())


def test_the_head_is_prepared_in_order(rehearsal: Rehearsal) -> None:
    """Code, then the host's MPS and shared folder, then the container that is given both, MLflow, and Ray last."""
    head = rehearsal.head
    steps = [
        head.place("rsync", "--exclude **/runs", "./ ubuntu@", "/home/ray/gantune/"),
        head.place("nvidia-cuda-mps-control -d"),
        head.place("mount -t nfs4", " /shared"),
        head.place("docker run", "rayproject/ray:2.60.0-py311-gpu"),
        head.place("docker exec", "pip install", "/home/ray/gantune"),
        head.place("docker exec", "GANTUNE_RUNS=/shared/runs"),
        head.place("docker exec", "apt-get install", "postgresql"),
        head.place("docker exec", "tracking-server.sh start s3://CHANGE-ME/gantune"),
        head.place("docker exec", "ray start --head"),
    ]
    assert steps == sorted(steps)
    assert steps[-1] == len(head.ran) - 1


def test_a_worker_is_prepared_in_order_and_knows_its_head(rehearsal: Rehearsal) -> None:
    worker = rehearsal.worker
    steps = [
        worker.place("rsync", "/home/ray/gantune/"),
        worker.place("nvidia-cuda-mps-control -d"),
        worker.place("mount -t nfs4", " /shared"),
        worker.place("docker run"),
        worker.place("docker exec", "pip install", "/home/ray/gantune"),
        worker.place("docker exec", "GANTUNE_RUNS=/shared/runs", f"RAY_HEAD_IP={HEAD_IP}"),
        worker.place("docker exec", "ray start --address", f"RAY_HEAD_IP={HEAD_IP}", "CUDA_MPS_PIPE_DIRECTORY=/tmp/nvidia-mps"),
    ]
    assert steps == sorted(steps)
    assert not any("tracking-server.sh" in command or "apt-get install -qy postgresql" in command for command in worker.ran)


def test_mps_and_the_mount_are_made_outside_the_container(rehearsal: Rehearsal) -> None:
    for recorder in (rehearsal.head, rehearsal.worker):
        for part in ("nvidia-cuda-mps-control -d", "mount -t nfs4"):
            assert "docker exec" not in recorder.ran[recorder.place(part)]
        run = recorder.ran[recorder.place("docker run")]
        assert all(
            option in run for option in ("--ipc=host", "-v /tmp/nvidia-mps:/tmp/nvidia-mps", "-v /shared:/shared", "--runtime=nvidia")
        )
        assert ("gantune-tracking" in run) == (recorder is rehearsal.head)

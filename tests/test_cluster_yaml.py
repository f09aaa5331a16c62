"""The cluster files against Ray's and Kubernetes' schemas, and what they promise in their comments."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.commands import _should_create_new_head, get_head_node_ip
from ray.autoscaler._private.local.node_provider import LocalNodeProvider, record_local_head_state_if_needed
from ray.autoscaler._private.util import prepare_config, validate_config

from gantune.runtime.machines import Machine
from gantune.runtime.session import Session
from gantune.spec import load_sweep

TOP = Path(__file__).parents[1]
CLOUDS = ["cluster.yaml", "examples/cluster-gcp.yaml"]
CLUSTERS = [*CLOUDS, "examples/cluster-onprem.yaml"]
MARKED = [*CLUSTERS, "examples/rayjob.yaml"]


def text(name: str) -> str:
    return (TOP / name).read_text()


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(text(name))
    return content


def start_of(cluster: dict[str, Any], role: str) -> str:
    [start] = [command for command in cluster[f"{role}_start_ray_commands"] if "ray start" in command]
    return str(start)


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_accepts_it(name: str) -> None:
    validate_config(prepare_config(load(name)))
    with pytest.raises(Exception, match="max_worker"):
        validate_config(prepare_config(load(name) | {"max_worker": 3}))


@pytest.mark.parametrize("name", MARKED)
def test_five_lines_are_marked_for_a_person_to_change(name: str) -> None:
    marks = re.findall(r"# \((\d)\) ", text(name))
    assert marks == ["1", "2", "3", "4", "5"]
    assert not re.search("password|secret|token", text(name), re.IGNORECASE)


@pytest.mark.parametrize("name", CLUSTERS)
def test_runs_cache_and_tracker_are_named_on_every_machine_and_a_second_time_adds_nothing(name: str, tmp_path: Path) -> None:
    commands = [command for command in load(name)["setup_commands"] if ".gantune" in command]
    bashrc = tmp_path / ".bashrc"

    def after(head: dict[str, str]) -> dict[str, str]:
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **head}
        for command in commands:
            subprocess.run(["bash", "-c", command], env=environment, check=True)
        shown = subprocess.run(["bash", "-c", f". {bashrc}; env"], env=environment, check=True, capture_output=True, text=True).stdout
        return dict(line.split("=", 1) for line in shown.splitlines())

    worker = after({"RAY_HEAD_IP": "10.1.2.3"})
    assert (worker["GANTUNE_RUNS"], worker["GANTUNE_CACHE"]) == ("/shared/runs", "/shared/gantune-cache")
    assert worker["MLFLOW_TRACKING_URI"] == "http://10.1.2.3:5000"
    assert worker["RAY_AUTH_MODE"] == "disabled", "or a head beside a token that some Ray has left would want it of its workers"
    first = bashrc.read_text()
    head = after({})  # Ray tells the head nothing
    assert re.fullmatch(r"http://\S+:5000", head["MLFLOW_TRACKING_URI"])
    assert bashrc.read_text() == first


def test_on_prem_the_environment_is_shared_and_the_code_that_was_shipped_runs(tmp_path: Path) -> None:
    cluster = load("examples/cluster-onprem.yaml")
    for command in [*cluster["setup_commands"], "env > env; . ~/.bashrc; env >> env"]:
        subprocess.run(["bash", "-c", command], env={"HOME": str(tmp_path), "PATH": "/bin:/usr/bin"}, cwd=tmp_path, check=True)
    lines = (tmp_path / "env").read_text().splitlines()
    assert "PATH=/shared/venv/bin:/bin:/usr/bin" in lines
    assert f"PYTHONPATH={tmp_path}/gantune" in lines
    assert cluster["file_mounts"] == {"~/gantune": "."}


def test_on_prem_the_heads_own_record_leads_another_machine_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/cluster.md says, of the record and of `ray up`."""
    config = prepare_config(load("examples/cluster-onprem.yaml"))
    head, other = tmp_path / "head", tmp_path / "other"
    monkeypatch.setenv("RAY_TMPDIR", str(head))
    record_local_head_state_if_needed(LocalNodeProvider(config["provider"], "gantune"))
    monkeypatch.setenv("RAY_TMPDIR", str(other))
    with pytest.raises(RuntimeError, match="not found"):
        get_head_node_ip(str(TOP / "examples/cluster-onprem.yaml"))
    shutil.copy(head / "ray" / "cluster-gantune.state", other / "ray")
    assert get_head_node_ip(str(TOP / "examples/cluster-onprem.yaml")) == "10.0.0.10"
    there = LocalNodeProvider(config["provider"], "gantune")
    assert _should_create_new_head("10.0.0.10", "a launch hash", config["head_node_type"], there), "even with --no-restart"


@pytest.mark.parametrize("name", CLUSTERS)
def test_mlflow_answers_before_ray_starts(name: str) -> None:
    commands = load(name)["head_start_ray_commands"]
    places = [next(i for i, command in enumerate(commands) if part in command) for part in ("ray stop", "tracking-server.sh", "ray start")]
    assert places == [0, 1, 2]
    assert not any("tracking-server" in command for command in load(name)["worker_start_ray_commands"])


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_machine_that_is_gone_is_given_up_within_seconds(name: str) -> None:
    head, worker = start_of(load(name), "head"), start_of(load(name), "worker")
    told = {key: int(value) for key, value in re.findall(r"RAY_health_check_(\w+)=(\d+)", head)}
    assert told["initial_delay_ms"] <= 500
    assert told["failure_threshold"] * (told["period_ms"] + told["timeout_ms"]) <= 5000
    assert "RAY_gcs_rpc_server_reconnect_timeout_s=15 " in worker


@pytest.mark.parametrize("name", CLUSTERS)
def test_only_ray_and_the_tracker_are_open_to_the_cluster(name: str) -> None:
    head = start_of(load(name), "head")
    assert "--dashboard-host=127.0.0.1 " in head
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in head
    assert "0.0.0.0" not in text(name)


@pytest.mark.parametrize("name", CLOUDS)
def test_the_head_runs_no_trial_and_workers_are_spot(name: str) -> None:
    nodes = load(name)["available_node_types"]
    head = nodes.pop(load(name)["head_node_type"])
    assert head["resources"] == {"CPU": 0}
    assert head["max_workers"] == 0
    assert all(node["min_workers"] == 0 for node in nodes.values())
    spot = [node["node_config"] for node in nodes.values()]
    assert all("SPOT" in str(config.get("scheduling")) or config["InstanceMarketOptions"] == {"MarketType": "spot"} for config in spot)


def test_every_line_one_changes_all_kinds_of_worker() -> None:
    """(1): no kind of machine has a limit of its own that would hold when the limit of all is raised."""
    for name in CLOUDS:
        prepared = prepare_config(load(name) | {"max_workers": 40})
        workers = [node for key, node in prepared["available_node_types"].items() if key != prepared["head_node_type"]]
        assert [node["max_workers"] for node in workers] == [40] * len(workers)


@pytest.mark.parametrize("name", CLOUDS)
def test_containers_share_the_folder_and_mps_with_their_host(name: str) -> None:
    docker = load(name)["docker"]
    assert {"--ipc=host", "-v /tmp/nvidia-mps:/tmp/nvidia-mps", "-v /shared:/shared"} <= set(docker["run_options"])
    assert docker["head_run_options"] == ["-v /home/ubuntu/gantune-tracking:/home/ray/gantune-tracking"]
    assert re.fullmatch(r"rayproject/ray:\d+\.\d+\.\d+-py311-gpu", docker["image"])
    outside = load(name)["initialization_commands"]
    assert any("nvidia-cuda-mps-control -d" in command for command in outside)
    assert not any("mps-control" in command for command in outside if "CUDA_MPS_LOG_DIRECTORY=/tmp/nvidia-mps-log " not in command), (
        "its own default belongs to root"
    )
    assert any("mount -t nfs" in command for command in outside)
    assert "CUDA_MPS_PIPE_DIRECTORY=/tmp/nvidia-mps " in start_of(load(name), "worker")


@pytest.mark.parametrize("name", CLUSTERS)
@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is what ships")
def test_secrets_environments_and_runs_are_not_shipped_and_all_code_is(name: str, tmp_path: Path) -> None:
    kept = ["cluster.yaml", "gantune/cli/runs.py", "gantune/environment.py", "sweeps/mine.yaml"]
    left = [".env", ".env.local", "me/.env", "key.pem", "venv/bin/python", ".venv/lib/a.py", "me/env/bin/python", "runs/dcgan-1/log"]
    left += ["mlruns/1", "build/lib/a.py", "me/dist/a.whl", ".git/HEAD", "gantune/__pycache__/a.pyc", ".mypy_cache/a", ".cache/a"]
    for file in [*kept, *left]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    options = [word for pattern in load(name)["rsync_exclude"] for word in ("--exclude", pattern)]

    def shipped(folder: Path) -> set[str]:
        listed = ["rsync", "--recursive", "--dry-run", "--out-format=%n", *options, f"{folder}/", f"{tmp_path}/nowhere/"]
        return set(subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines())

    assert {file for file in shipped(tmp_path) if not file.endswith("/")} == set(kept)
    assert {str(file.relative_to(TOP)) for file in (TOP / "gantune").rglob("*.py")} <= shipped(TOP)


@pytest.mark.parametrize("name", CLOUDS)
def test_a_fresh_machine_that_updates_itself_is_waited_for_and_one_with_nfs_needs_nothing(name: str, tmp_path: Path) -> None:
    [command] = [command for command in load(name)["initialization_commands"] if "apt-get" in command]
    programs = {"sudo": 'exec "$@"', "sleep": "true", "apt-get": 'echo "$*" >> calls; case $1 in update) [ $(wc -l < calls) -gt 2 ];; esac'}
    for program, text in programs.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / program).chmod(0o755)

    def calls() -> list[str]:
        run = ["/bin/bash", "-c", f"PATH={tmp_path}; {command}"]
        (tmp_path / "calls").write_text("")
        subprocess.run(run, check=True, cwd=tmp_path)
        return (tmp_path / "calls").read_text().splitlines()

    (tmp_path / "wc").symlink_to(shutil.which("wc") or "")
    assert calls() == ["update -qq"] * 3 + ["-o DPkg::Lock::Timeout=300 install -qy nfs-common"]
    (tmp_path / "mount.nfs4").touch(0o755)
    assert calls() == []


@pytest.mark.parametrize("script", ["examples/tracking-server.sh", "examples/slurm.sh"])
def test_bash_reads_the_scripts(script: str) -> None:
    subprocess.run(["bash", "-n", TOP / script], check=True)


def test_on_slurm_the_nodes_meet_at_an_address_that_others_reach_and_may_take_their_time(tmp_path: Path) -> None:
    programs = {
        "scontrol": "printf 'n1\\nn2\\n'",
        "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
        "hostname": 'case $1 in --all-ip-addresses) echo "10.1.0.7 192.168.0.7 " ;; *) echo 127.0.1.1 ;; esac',
        "ray": 'echo "$RAY_ADDRESS $RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT $RAY_AUTH_MODE $*"',
    }
    for program, body in programs.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / program).chmod(0o755)
    (tmp_path / "gantune" / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "gantune" / "venv" / "bin" / "activate").touch()
    slurm = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "16", "SLURM_GPUS_ON_NODE": "2"}
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin", **slurm}
    command = ["bash", TOP / "examples/slurm.sh", "dcgan", "--trials", "9"]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    start = "symmetric-run --address 10.1.0.7:6379 --min-nodes 2 --num-cpus 16 --num-gpus 2"
    assert said == f"10.1.0.7:6379 300 disabled {start} -- python -m gantune sweep dcgan --trials 9\n"


def test_the_tracking_server_says_how_it_is_called() -> None:
    done = subprocess.run(["bash", TOP / "examples/tracking-server.sh", "start"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: tracking-server.sh start ARTIFACTS | stop\n")


def test_the_ray_job_runs_one_sweep_on_a_shared_claim() -> None:
    job = load("examples/rayjob.yaml")
    cluster = job["spec"]["rayClusterSpec"]
    [workers] = cluster["workerGroupSpecs"]
    pods = [cluster["headGroupSpec"]["template"]["spec"], workers["template"]["spec"]]
    assert (job["apiVersion"], job["kind"], job["spec"]["backoffLimit"]) == ("ray.io/v1", "RayJob", 0)
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert workers["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "enableInTreeAutoscaling" not in cluster, "which gantune would not see"
    least, has = workers["minReplicas"], workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    asked = load_sweep("dcgan", gpus=least).resources
    there = Session("head:6379", (Machine(int(has["cpu"]), int(has["nvidia.com/gpu"])),) * least)
    assert there.slots(asked.cpu, asked.share(least)) == 4 * least, "four trials share the GPU of a pod"
    assert workers["replicas"] == workers["maxReplicas"] == least
    for pod in pods:
        [container] = pod["containers"]
        assert {entry["name"]: entry["value"] for entry in container["env"]}["GANTUNE_RUNS"] == "/shared/runs"
        assert container["volumeMounts"] == [{"name": "shared", "mountPath": "/shared"}]
        assert pod["volumes"] == [{"name": "shared", "persistentVolumeClaim": {"claimName": "gantune-shared"}}]

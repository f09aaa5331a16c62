"""The way of a sweep on AWS, rehearsed on one machine: `ray up cluster.yaml`, machines that come when they are wanted, a spot machine taken
away in the middle of its trials, machines that go when they are idle, `ray down`.

    python benchmarks/aws_rehearsal.py              # as root on Linux, with what tests/cluster needs and moto[server]: some five minutes

EC2, IAM and S3 are moto's server; Ray's AWS provider talks to it as it would to AWS. Each machine that it "starts" is a host out of Linux
namespaces that is given the machine's address, and each that it ends is killed. Of cluster.yaml's content all is kept but what
needs a real host: container, image, NFS mount, MPS and pip. Ray's older autoscaler is used, since moto fulfils requests in part.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import yaml

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP / "tests" / "cluster"))
from hosts import USER, Hosts  # noqa: E402

SPARE = 5  # hosts that may become machines
AWS = "http://10.77.0.1:5566"
KEYS = {"AWS_ENDPOINT_URL": AWS, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
BUCKET = "gantune-rehearsal"
SWEEP = """\
family: gan
space: gan
data: ring8
fixed: {hidden: 128, layers: 3}
budget: {trials: 12, kimg: 80, report_every: 4}
scheduler: none
finalists: {top: 0}
resources: {cpu: 1, gpu: 0.25}
"""
# Asks for as many GPU machines as it is told, and waits for them.
ASK = """\
import sys, time, ray
from ray.autoscaler.sdk import request_resources
ray.init("auto", log_to_driver=False)
request_resources(bundles=[{"GPU": 1}] * int(sys.argv[1]))
while ray.cluster_resources().get("GPU", 0) < int(sys.argv[1]):
    time.sleep(0.2)
"""
BEGAN = time.monotonic()


def say(what: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {what}", flush=True)


class Machines(threading.Thread):
    """Makes true what EC2 says: a host for every running machine, none for one that has ended."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._inits = [(folder / f"host{number}.init").read_text().strip() for number in range(SPARE)]
        self.hosts: dict[str, int] = {}  # machine → host
        self.gone: set[str] = set()
        self.ec2 = boto3.client("ec2")

    def described(self) -> dict[str, dict[str, Any]]:
        """EC2's machines by id."""
        groups = self.ec2.describe_instances()["Reservations"]
        return {machine["InstanceId"]: machine for group in groups for machine in group["Instances"]}

    def run(self) -> None:
        while True:
            for id, machine in self.described().items():
                running = machine["State"]["Name"] in ("pending", "running")
                if running and id not in self.hosts:
                    self._start(id, machine)
                elif not running and id in self.hosts and id not in self.gone:
                    subprocess.run(["kill", "-9", self._inits[self.hosts[id]]], check=True)
                    self.gone.add(id)
                    say(f"{id} has ended")
            time.sleep(0.5)

    def _start(self, id: str, machine: dict[str, Any]) -> None:
        number, address = len(self.hosts), machine["PrivateIpAddress"]
        inside = ["nsenter", "--target", self._inits[number], "--net", "ip"]
        subprocess.run([*inside, "address", "add", f"{address}/32", "dev", "eth0"], check=True)
        subprocess.run([*inside, "route", "replace", "default", "via", "10.77.0.1", "src", address], check=True)
        subprocess.run(["ip", "route", "add", address, "via", f"10.77.0.1{number}"], check=True)
        self.hosts[id] = number
        say(f"{id} is there: {machine['InstanceType']}, {machine.get('InstanceLifecycle', 'on demand')}, {address}")


def adapted(folder: Path) -> dict[str, Any]:
    """cluster.yaml for hosts that have no container, no NFS, no GPU and no network."""
    file = yaml.safe_load((TOP / "cluster.yaml").read_text())
    shared = folder / "shared"
    del file["docker"]
    file |= {"max_workers": 2, "idle_timeout_minutes": 0.4, "initialization_commands": [], "head_setup_commands": ["true"]}
    file["provider"]["use_internal_ips"] = True
    file["auth"] = {"ssh_user": USER, "ssh_private_key": str(folder / "key")}
    file["file_mounts"] = {"~/gantune": str(TOP)}
    for node in file["available_node_types"].values():
        node["node_config"] |= {"KeyName": "rehearsal", "ImageId": "ami-12345678"}
    path = f"echo 'export PATH={sys.prefix}/bin:$PATH PYTHONPATH=$HOME/gantune' >> ~/.gantune"
    kept = [command.replace("/shared/", f"{shared}/") for command in file["setup_commands"] if "pip install" not in command]
    file["setup_commands"] = [*kept, path]
    file["head_start_ray_commands"] = [command.replace("s3://CHANGE-ME", f"s3://{BUCKET}") for command in file["head_start_ray_commands"]]
    return dict(file)


def ray(verb: str, *rest: str) -> str:
    """`ray VERB aws.yaml REST`."""
    done = subprocess.run(["ray", verb, "aws.yaml", *rest], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"ray {verb}: code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(what: str, true: Any, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds:g} s: {what}")
        time.sleep(0.3)
    say(what)


def spool(folder: Path) -> list[dict[str, Any]]:
    file = folder / "spool.jsonl"
    return [json.loads(line) for line in file.read_text().split("\n")[:-1]] if file.exists() else []


def moved(folder: Path) -> set[str]:
    """Trials that lost their worker and were begun again from their checkpoint."""
    return {event["trial"] for event in spool(folder) if event["kind"] == "requeue"}


def aws_answers() -> bool:
    with contextlib.suppress(ConnectionError), socket.create_connection(("10.77.0.1", 5566), timeout=1):
        return True
    return False


def rehearse(folder: Path) -> None:
    """All of it, on the laptop of the hosts in `folder`."""
    os.environ |= KEYS | {"RAY_UP_enable_autoscaler_v2": "0", "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    os.chdir(folder)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    with open("moto.log", "wb") as log:
        moto = subprocess.Popen(["moto_server", "--host", "10.77.0.1", "--port", "5566"], stdout=log, stderr=log)
    machines = Machines(folder)
    wait_until("AWS answers (moto)", aws_answers)
    machines.ec2.import_key_pair(KeyName="rehearsal", PublicKeyMaterial=Path("key.pub").read_bytes())
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    Path("aws.yaml").write_text(yaml.safe_dump(adapted(folder)))
    Path("shared/rehearsal.yaml").write_text(SWEEP)
    Path("shared/ask.py").write_text(ASK)
    machines.start()

    ray("up", "--yes")
    say("ray up has ended")
    ray("exec", f"timeout 180 python {folder}/shared/ask.py 2")
    say("two GPU machines have joined")

    runs = folder / "shared" / "runs" / "rehearsal-1"
    command = f"RAY_ADDRESS=auto python -m gantune sweep {folder}/shared/rehearsal.yaml"
    with open("sweep.log", "wb") as log:
        sweep = subprocess.Popen(["ray", "exec", "aws.yaml", command], stdout=log, stderr=log)
    wait_until("the sweep has its first 20 reports", lambda: sum(event["kind"] == "report" for event in spool(runs)) >= 20)
    taken = next(id for id, machine in machines.described().items() if machine.get("InstanceLifecycle") and id not in machines.gone)
    machines.ec2.terminate_instances(InstanceIds=[taken])
    say(f"{taken}, a spot machine with trials on it, is taken away")
    wait_until("its first trial is to go on elsewhere", lambda: bool(moved(runs)))
    wait_until("a machine in its place has been started", lambda: len(machines.hosts) == 4)
    wait_until("the sweep has ended", lambda: sweep.poll() is not None, 400)
    ends = Counter(event["trial"] for event in spool(runs) if event["kind"] == "end")
    say(f"{len(ends)} trials have ended, each {set(ends.values())} times; {len(moved(runs))} of them went on elsewhere")
    kept = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"]
    say(f"{kept} artifacts are in the bucket")
    ray("exec", f"python {folder}/shared/ask.py 0")
    wait_until("idle GPU machines have been ended", lambda: len(machines.gone) == 3)
    ray("down", "--yes")
    wait_until("after ray down no machine is left", lambda: len(machines.gone) == 4)
    moto.terminate()
    moto.wait(10)
    if sweep.returncode or set(ends.values()) != {1} or len(ends) != 12 or not kept:
        raise SystemExit("this is not what was to be shown")


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given = flags.parse_args()
    if given.inside:
        return rehearse(given.inside)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        hosts = Hosts(folder, SPARE, TOP)
        try:
            for number in range(SPARE):
                hosts.on(number, "echo 'export " + " ".join(f"{name}={value}" for name, value in KEYS.items()) + "' >> ~/.bashrc")
            path = f"{sys.prefix}/bin:{os.environ['PATH']}"
            inner = hosts.start(f"{sys.executable} {Path(__file__).resolve()} --inside {folder}", cwd=folder, PATH=path)
            assert inner.stdout is not None
            for line in inner.stdout:
                print(line, end="", flush=True)
            raise SystemExit(inner.wait())
        finally:
            hosts.close()


if __name__ == "__main__":
    main()

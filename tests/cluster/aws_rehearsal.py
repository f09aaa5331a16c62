"""`ray up cluster.yaml` against a simulated AWS whose machines are hosts out of namespaces: a sweep that starts spot machines, one of which
is taken away in the middle, everything that the laptop does, idle machines that go, and `ray down`. As root, with the packages of
tests/cluster and the modules of the extras `test` and `cluster`:

    python tests/cluster/aws_rehearsal.py

EC2, IAM and S3 are moto's. Each instance that is started gets a host with its address; one that is terminated loses it. Of cluster.yaml
goes what namespaces do not have: Docker, the mount of EFS, Debian's packages, and installing gantune (environment and checkout are shared).
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import yaml
from growing import spool
from hosts import HERE, USER, Hosts, missing

TOP = HERE.parents[1]
GATEWAY, ENDPOINT_PORT = "172.31.255.254", 5555  # within the addresses of moto's default VPC, outside its subnets
ENDPOINT = f"http://{GATEWAY}:{ENDPOINT_PORT}"
REGION, BUCKET = "us-east-1", "lab-gantune"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": ENDPOINT}
SWEEP = """\
family: gan
space: gan
data: ring8
fixed: {hidden: 128, layers: 3}
budget: {trials: 16, kimg: 48, report_every: 4}
scheduler: {asha: {grace: 0.5, reduction: 3}}
finalists: {top: 0}
resources: {cpu: 1, gpu: 0.25}
"""


class Cloud:
    """moto's server among `hosts`, and a host for each of its instances."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._numbers: dict[str, int] = {}  # of hosts, by instance
        self.kinds: dict[str, str] = {}  # node types, by instance
        self._gone: set[str] = set()
        self._over = threading.Event()
        command = f"MOTO_IAM_LOAD_MANAGED_POLICIES=true exec moto_server -H {GATEWAY} -p {ENDPOINT_PORT} > {hosts.folder}/moto.log 2>&1"
        self._server = hosts.start(command, cwd=hosts.folder)
        self._loop = threading.Thread(target=self._follow, daemon=True)

    def begin(self) -> None:
        """Once the server answers."""
        until = time.monotonic() + 120
        while "aws" not in self._hosts.run(f"curl -s {ENDPOINT}/moto-api/ && echo aws || true", cwd=Path("/")):
            assert time.monotonic() < until, (self._hosts.folder / "moto.log").read_text()
            time.sleep(0.5)
        self.aws("s3api", "create_bucket", Bucket=BUCKET)
        self._loop.start()

    def aws(self, service: str, call: str, **given: Any) -> Any:
        """A call of boto3's in the hosts' network."""
        service = service.removesuffix("api")
        code = f"import boto3, json; print(json.dumps(boto3.client({service!r}).{call}(**{given!r}), default=str))"
        return json.loads(self._hosts.run(f"{sys.executable} -c {shlex.quote(code)}", cwd=Path("/"), **CREDENTIALS))

    def running(self) -> dict[str, str]:
        """Node types of the instances that run, by id."""
        return {id: kind for id, kind in self.kinds.items() if id not in self._gone}

    def number(self, instance: str) -> int:
        """Of the host that it is."""
        return self._numbers[instance]

    def take_back(self, instance: str) -> None:
        """As AWS does with spot machines that somebody else pays more for: its host is gone, and the instance terminated."""
        self._gone.add(instance)
        self._hosts.kill(self._numbers[instance])
        self.aws("ec2", "terminate_instances", InstanceIds=[instance])

    def close(self) -> None:
        """End the loop and the server."""
        self._over.set()
        self._loop.join(30)
        self._server.kill()

    def _follow(self) -> None:
        while not self._over.wait(0.5):
            for group in self.aws("ec2", "describe_instances")["Reservations"]:
                for machine in group["Instances"]:
                    id, state = machine["InstanceId"], machine["State"]["Name"]
                    if state == "running" and id not in self._numbers:
                        self._numbers[id] = len(self._numbers)
                        tags = {tag["Key"]: tag["Value"] for tag in machine.get("Tags", [])}
                        self.kinds[id] = tags.get("ray-user-node-type", "?")
                        self._hosts.add(self._numbers[id], machine["PrivateIpAddress"])
                    elif state in ("shutting-down", "terminated") and id in self._numbers and id not in self._gone:
                        self._gone.add(id)
                        self._hosts.kill(self._numbers[id])


def adapted(hosts: Hosts) -> str:
    """cluster.yaml for these hosts."""
    config: dict[str, Any] = yaml.safe_load((TOP / "cluster.yaml").read_text().replace("ami-CHANGE-ME", "ami-12345678"))
    del config["docker"]
    config |= {"max_workers": 3, "idle_timeout_minutes": 1, "initialization_commands": [], "head_setup_commands": []}
    config["provider"] |= {"use_internal_ips": True}
    config["auth"] = {"ssh_user": USER, "ssh_private_key": str(hosts.key)}
    config["file_mounts"] = {f"/home/{USER}/gantune": str(TOP)}
    config["setup_commands"] = [step for step in config["setup_commands"] if not step.startswith("pip install")]
    for kind in config["available_node_types"].values():
        kind["node_config"]["KeyName"] = "lab"
    text = yaml.safe_dump(config, width=1000, sort_keys=False)
    return text.replace("/shared/", f"{hosts.shared}/").replace("s3://CHANGE-ME/gantune", f"s3://{BUCKET}/gantune")


def prepare(hosts: Hosts) -> None:
    """What the image of a real machine, and a person's own machine, would have."""
    (hosts.shared / "venv").symlink_to(sys.prefix)
    home = hosts.folder / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "config").write_text(f"[default]\nregion = {REGION}\nendpoint_url = {ENDPOINT}\n")
    (home / ".aws" / "credentials").write_text("[default]\naws_access_key_id = none\naws_secret_access_key = none\n")
    (home / ".bashrc").write_text(
        "case $- in *i*) ;; *) return ;; esac\n"
        f"export PATH={hosts.shared}/venv/bin:$PATH PYTHONPATH=$HOME/gantune RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true\n"
    )
    place = hosts.folder / "checkout"
    (place / "sweeps").mkdir(parents=True)
    (place / "sweeps" / "lab.yaml").write_text(SWEEP)
    (place / "cluster.yaml").write_text(adapted(hosts))
    (place / "pyproject.toml").touch()


class Laptop:
    """Commands as a person types them; what they print, and how long they take, is told."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts, self._began = hosts, time.monotonic()
        self._env = CREDENTIALS | {
            "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(TOP),
            "COLUMNS": "140",
            "TMPDIR": "/tmp",
        }

    def say(self, text: str) -> None:
        """A line with the time."""
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", flush=True)

    def run(self, command: str, *, last: int = 6, timeout: float = 600) -> str:
        """To its end; the `last` lines of its output are told."""
        self.say(f"$ {command}")
        output = self._hosts.run(command, cwd=self._hosts.folder / "checkout", timeout=timeout, **self._env)
        for line in [line for line in output.splitlines() if line.strip()][-last:]:
            print(f"             {line}", flush=True)
        return output

    def begin(self, command: str) -> subprocess.Popen[str]:
        """In the background."""
        self.say(f"$ {command} &")
        return self._hosts.start(command, cwd=self._hosts.folder / "checkout", **self._env)

    def wait(self, what: str, happened: Callable[[], object], seconds: float) -> None:
        """Until it happens, which is told."""
        until = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < until, f"{what}: not within {seconds:g} s"
            time.sleep(0.2)
        self.say(what)


def of_kind(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The spool's events of a kind."""
    return [event for event in spool(folder) if event["kind"] == kind]


def rehearse(hosts: Hosts, cloud: Cloud) -> None:
    """All of it, in order."""
    laptop, folder = Laptop(hosts), hosts.shared / "runs" / "lab-1"

    def workers() -> list[str]:
        return [id for id, kind in cloud.running().items() if kind != "head"]

    laptop.run("ray up cluster.yaml --yes", last=2)
    assert list(cloud.running().values()) == ["head"]
    laptop.say("one instance: the head, on demand")

    laptop.run("gantune sweep lab --detach", last=4)
    laptop.wait("the first spot machine is asked for", workers, 120)
    laptop.wait("the first trial has reported", lambda: of_kind(folder, "report"), 300)
    laptop.run("gantune ls")
    laptop.wait("4 trials have ended", lambda: len(of_kind(folder, "end")) >= 4, 600)

    victim = next(id for id in workers() if any("ray::Trainable" in command for command in hosts.commands(cloud.number(id))))
    before, taken = len(of_kind(folder, "requeue")), time.time()
    cloud.take_back(victim)
    laptop.say(f"AWS takes a spot machine ({cloud.kinds[victim]}) back, of {len(workers()) + 1}")
    laptop.wait("its trials are put back into the queue", lambda: len(of_kind(folder, "requeue")) > before, 120)
    again = {event["trial"] for event in of_kind(folder, "requeue")[before:]}
    laptop.wait("one of them reports again", lambda: any(e["trial"] in again and e["t"] > taken for e in of_kind(folder, "report")), 300)

    laptop.run("gantune attach lab", last=4, timeout=1200)
    ended = Counter(event["trial"] for event in of_kind(folder, "end"))
    assert ended == {f"{number:04d}": 1 for number in range(16)}, ended
    reports = Counter((event["trial"], event["point"]["kimg"]) for event in of_kind(folder, "report"))
    assert set(reports.values()) == {1}
    laptop.say(f"16 trials, each with one end; {len(reports)} reports, none twice; {len(of_kind(folder, 'requeue'))} taken up again")

    laptop.run("gantune doctor | grep -v ^ok", last=30)  # no GPU is here, nor MPS, which it finds
    laptop.run("gantune report lab")
    stored = cloud.aws("s3", "list_objects_v2", Bucket=BUCKET)
    laptop.say(f"{stored['KeyCount']} objects in s3://{BUCKET}, by way of MLflow's server")
    with forwarded(laptop, hosts) as told:
        laptop.say(f"gantune ui, forwarded from the head: {told}")

    laptop.wait("all spot machines are gone: they were idle for a minute", lambda: not workers(), 300)
    laptop.run("ray down cluster.yaml --yes", last=2)
    laptop.wait("no instance runs", lambda: not cloud.running(), 60)
    laptop.run("gantune attach lab || true")


@contextmanager
def forwarded(laptop: Laptop, hosts: Hosts) -> Iterator[str]:
    """What MLflow and optuna-dashboard answer on the laptop while `gantune ui` runs."""
    ui = laptop.begin("gantune ui lab")
    try:
        status = "curl -sL -o /dev/null -w '%{http_code}'"
        search = "-H 'Content-Type: application/json' -d '{\"max_results\": 1}' http://localhost:5000/api/2.0/mlflow/experiments/search"
        asked = (
            f"echo MLflow $({status} http://localhost:5000/), its API $({status} {search}), dashboard $({status} http://localhost:5001/)"
        )
        until = time.monotonic() + 120
        while True:
            told = hosts.run(asked, cwd=Path("/")).strip()
            if told == "MLflow 200, its API 200, dashboard 200":
                break
            assert time.monotonic() < until, told
            time.sleep(1)
        yield told
    finally:
        ui.terminate()


def main() -> None:
    packages = missing()
    assert os.geteuid() == 0, "hosts out of namespaces need root"
    assert not packages, f"missing here: apt-get install {' '.join(packages)}"
    with tempfile.TemporaryDirectory(prefix="aws", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        lab = folder / "lab"
        lab.mkdir()
        hosts = Hosts(lab, 0, TOP, Path(boto3.__file__).parent, LAB_GATEWAY=GATEWAY, LAB_PREFIX="16")
        prepare(hosts)
        cloud = Cloud(hosts)
        try:
            cloud.begin()
            rehearse(hosts, cloud)
        finally:
            cloud.close()
            hosts.close()


if __name__ == "__main__":
    main()

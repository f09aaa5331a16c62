"""Several hosts on one machine, out of Linux namespaces: their own addresses, processes, sshd and /tmp, one shared folder, one laptop."""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
USER = "gan"
NEEDED = {"sshd": "openssh-server", "ssh": "openssh-client", "rsync": "rsync", "ip": "iproute2", "unshare": "util-linux", "pgrep": "procps"}


class Hosts:
    """`count` hosts from 10.77.0.10 on, and the laptop, from which `run` runs. Needs root. `folder` is empty, and theirs."""

    def __init__(self, folder: Path, count: int, *shares: Path, **env: str) -> None:
        self.folder, self.count = folder, count
        hidden = [place for place in folder.parents if not place.stat().st_mode & stat.S_IXOTH]
        assert not hidden or folder.is_relative_to("/tmp"), f"the hosts' user cannot pass through {hidden[0]}: take a folder under /tmp"
        environment = {Path(sys.prefix), Path(sys.base_prefix), *map(Path, sys.path)}
        seen = sorted({path.resolve() for path in (*shares, *environment) if path.is_dir()})
        self._env = env
        self._shares = outermost = [path for path in seen if not any(other in path.parents for other in seen)]
        command = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += ["bash", str(HERE / "lab.sh"), str(folder), str(count), *map(str, outermost)]
        with open(folder / "lab.log", "wb") as log:
            self._lab = subprocess.Popen(
                command, env=os.environ | env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while not (folder / "ready").exists():
            if self._lab.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise AssertionError(f"the hosts did not come up:\n{(folder / 'lab.log').read_text()}")
            time.sleep(0.05)
        self._init = _child(self._lab.pid)

    @property
    def key(self) -> Path:
        """The key that opens every host to its user."""
        return self.folder / "key"

    @property
    def shared(self) -> Path:
        """What the hosts share, at the same path on all of them and here."""
        return self.folder / "shared"

    def address(self, number: int) -> str:
        """Of a host."""
        return f"10.77.0.1{number}"

    def start(self, command: str, *, cwd: Path, **env: str) -> subprocess.Popen[str]:
        """A shell command on the laptop, in the background; its output is one stream."""
        inside = [
            "nsenter",
            "--target",
            str(self._init),
            "--net",
            "--mount",
            "--uts",
            "--pid",
            "bash",
            "-c",
            f"cd {cwd} || exit\n{command}",
        ]
        environment = os.environ | {"HOME": "/root", "RAY_USAGE_STATS_ENABLED": "0"} | env
        return subprocess.Popen(
            inside,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, *, cwd: Path, timeout: float = 600, **env: str) -> str:
        """A shell command on the laptop: its output, once it has ended well."""
        process = self.start(command, cwd=cwd, **env)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f"{command}: no end after {timeout:g} s:\n{process.communicate()[0]}") from None
        assert process.returncode == 0, f"{command}: code {process.returncode}:\n{output}"
        return output

    def on(self, number: int, command: str) -> str:
        """A shell command as the user on a host, by no network: it works on one that is cut off, too."""
        shell = f"bash --login -c {shlex.quote(f'cd; {command}')}"
        as_user = f"setpriv --reuid {USER} --regid 61000 --clear-groups env HOME=/home/{USER} {shell}"
        init = (self.folder / f"host{number}.init").read_text().strip()
        return self.run(f"nsenter --target {init} --net --mount --uts --pid {as_user}", cwd=Path("/"))

    def commands(self, number: int) -> list[str]:
        """What the user's processes on a host are called; empty for one that has been killed."""
        init = (self.folder / f"host{number}.init").read_text().strip()
        inside = f"nsenter --target {init} --mount --pid ps -U {USER} -o args= --no-headers"
        return self.run(f"test -e /proc/{init} || exit 0; {inside} || true", cwd=Path("/")).splitlines()

    def add(self, number: int, address: str) -> None:
        """Another host."""
        shares = " ".join(shlex.quote(str(path)) for path in self._shares)
        command = f"LAB_USER={USER} LAB_UID=61000 bash {HERE}/add.sh {self.folder} {number} {address} {shares}"
        self.run(f"{command} < /dev/null >> {self.folder}/lab.log 2>&1", cwd=Path("/"), **self._env)

    def kill(self, number: int) -> None:
        """kill -9 of all that runs on a host, its sshd included; its address falls silent."""
        self.run(f"kill -9 {(self.folder / f'host{number}.init').read_text().strip()}", cwd=Path("/"))

    def cut(self, number: int) -> None:
        """No packet to or from a host any more; what runs there goes on."""
        self.run(f"ip link set veth{number} down", cwd=Path("/"))

    def close(self) -> None:
        """End it all."""
        self._lab.send_signal(signal.SIGKILL)
        self._lab.wait(10)


def missing() -> list[str]:
    """Debian packages that are needed and not installed."""
    places = [*os.environ["PATH"].split(os.pathsep), "/usr/sbin", "/sbin"]
    lacking = {package for program, package in NEEDED.items() if not any((Path(place) / program).exists() for place in places)}
    return sorted(lacking if any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) else lacking | {"postgresql"})


def _child(pid: int) -> int:
    return int(subprocess.run(["pgrep", "-P", str(pid)], check=True, capture_output=True, text=True).stdout)

"""The cluster's servers, seen from a laptop."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from laptops import Laptop

from gantune import cli
from gantune.remote import far
from gantune.remote.frames import Frames
from gantune.remote.head import Head


def facts(tracking: str, port: int | None) -> dict[str, dict[str, str]]:
    return {"--facts": {"out": json.dumps({"tracking": tracking, "port": port})}}


def run(*words: str) -> int:
    return cli._run(list(words), debug=True)


@pytest.mark.parametrize(
    ("tracking", "port", "forwarded"),
    [
        ("http://10.77.0.10:5077", 5077, [5077, 5056]),
        ("https://mlflow.example.com", None, [5056]),
        ("http://10.77.0.99:5000", None, [5056]),
        ("", None, [5055, 5056]),
    ],
)
def test_browsing_forwards_the_ports_of_the_heads_own_servers(
    laptop: Laptop, tracking: str, port: int | None, forwarded: list[int]
) -> None:
    laptop.has_run_ray_up()
    laptop.answers(**facts(tracking, port), ui={"out": "MLflow\n"})
    assert run("ui", "gan", "--port", "5055") == 0
    assert laptop.calls[-1][:-2] == ["exec", *(word for each in forwarded for word in ("--port-forward", str(each)))]
    assert laptop.commands()[-1] == "ui gan --port 5055 --forwarded"


def test_a_port_that_is_taken_here_is_told_with_what_can_be_done(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        laptop.answers(**facts(f"http://10.77.0.10:{port}", port))
        assert run("ui", "gan", "--port", "5055") == 2
        assert (
            f"port {port} on 127.0.0.1 cannot be used (Address already in use). The cluster's MLflow can be seen at"
            in capsys.readouterr().err
        )
        assert run("ui", "gan", "--port", str(port - 1)) == 2
        assert f"port {port} on 127.0.0.1 cannot be used (Address already in use). Give another with --port." in capsys.readouterr().err
    assert run("ui", "gan", "--host", "0.0.0.0") == 2
    assert "--host 0.0.0.0: a cluster's servers are seen on 127.0.0.1 alone." in capsys.readouterr().err
    assert not any(command.startswith("ui") for command in laptop.commands())


def test_the_head_tells_which_servers_are_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANTUNE_RUNS", str(tmp_path))
    for tracking, port in (("http://127.0.0.2:5077", 5077), ("http://192.0.2.1:5000", None), ("sqlite:///x", None), ("http://a:b", None)):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
        assert far.main(["--facts"]) == 0
        [said] = [json.loads(value) for kind, value in Frames().feed(capfd.readouterr().out.encode()) if kind == "out"]
        assert said == {"runs": str(tmp_path), "tracking": tracking, "port": port}


def test_ctrl_c_ends_it_and_no_server_of_this_machine_follows(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Head, *words: str, ports: tuple[int, ...] = ()) -> int:
        raise KeyboardInterrupt

    laptop.has_run_ray_up()
    laptop.answers(**facts("", None))
    monkeypatch.setattr(Head, "pass_on", interrupted)
    assert run("ui", "gan-1", "--port", "5155") == 0

"""Which cluster a folder has, and what finding that out costs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from laptops import Laptop

from gantune import cli
from gantune.errors import UserError
from gantune.remote.cluster import find_cluster
from gantune.remote.launcher import ClusterDown


def test_a_mere_checkout_costs_no_call(laptop: Laptop) -> None:
    assert find_cluster() is None
    laptop.has_run_ray_up("another")
    assert find_cluster() is None
    (laptop.folder / "cluster.yaml").unlink()
    laptop.has_run_ray_up()
    assert find_cluster() is None
    assert laptop.calls == []


def test_a_cluster_that_was_started_from_here_is_found(laptop: Laptop) -> None:
    laptop.has_run_ray_up()
    found = find_cluster()
    assert found is not None
    assert found.gpus is None, "on premises the file does not say"
    assert laptop.calls == [], "whether it is up is another question"
    assert str(found.reach()) == "cluster lab (head 10.77.0.10)"


def test_gpus_are_those_that_the_cluster_may_have(laptop: Laptop) -> None:
    types = {
        "head": {"resources": {"CPU": 0}, "max_workers": 0},
        "gpu": {"resources": {"CPU": 8, "GPU": 4}, "max_workers": 5},
        "cpu": {"resources": {"CPU": 8}, "max_workers": 5},
    }
    laptop.has_run_ray_up(max_workers=3, available_node_types=types)
    found = find_cluster()
    assert found is not None
    assert found.gpus == 12


def test_a_cluster_that_is_down_or_cannot_be_asked_is_no_reason_to_run_here(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.has_run_ray_up()
    (laptop.place / "down").touch()
    found = find_cluster()
    assert found is not None
    down = r"^cluster lab \(cluster.yaml\) was started from here, but it is not up. Nothing runs.\n.*--local"
    with pytest.raises(ClusterDown, match=down):
        found.reach()
    monkeypatch.setenv("STANDIN", str(laptop.place / "nowhere"))
    with pytest.raises(UserError, match="its head is not to be found: FileNotFoundError") as told:
        found.reach()
    assert not isinstance(told.value, ClusterDown)


def test_a_head_on_which_ray_up_has_failed_may_have_a_sweep_and_is_not_taken_for_none(
    laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    laptop.has_run_ray_up()
    (laptop.place / "state").write_text("update-failed")
    found = find_cluster()
    assert found is not None
    with pytest.raises(UserError, match=r"but its head is in state update-failed. Nothing runs.\n.*--no-restart cluster.yaml") as told:
        found.reach()
    assert not isinstance(told.value, ClusterDown)
    assert cli._run(["ls"], debug=False) == 2, "a list of this machine's runs would look as if the sweep were gone"
    assert "update-failed" in capsys.readouterr().err


def test_machines_of_ones_own_of_which_this_one_has_no_record_may_be_up_which_is_asked_first(laptop: Laptop) -> None:
    found = find_cluster(Path("cluster.yaml"))
    assert found is not None
    assert str(found.reach()) == "cluster lab (head 10.77.0.10)", "no trace is needed"
    (laptop.place / "down").touch()
    with pytest.raises(ClusterDown, match=r"but this machine has no record of it. Nothing runs.\n.*/tmp/ray/cluster-lab.state") as told:
        found.reach()
    assert "\nIf it is up, copy" in str(told.value), "before what would end that which runs there"
    assert "If it was never started, RAY_UP_enable_autoscaler_v2=0 ray up cluster.yaml, which ends what runs" in str(told.value)


def test_a_file_that_is_named_needs_no_trace_but_must_be_one(laptop: Laptop) -> None:
    (laptop.folder / "cluster.yaml").write_text("cluster_name: lab\nprovider: {type: aws}\n")
    found = find_cluster(Path("cluster.yaml"))
    assert found is not None
    (laptop.place / "down").touch()
    with pytest.raises(ClusterDown, match="is what --cluster names, but it is not up"):
        found.reach()
    with pytest.raises(UserError, match=r"--cluster other\.yaml: No such file"):
        find_cluster(Path("other.yaml"))
    Path("other.yaml").write_text("services: {web: {}}\n")
    with pytest.raises(UserError, match="no cluster_name"):
        find_cluster(Path("other.yaml"))


def test_traces_of_other_users_and_those_that_go_away_do_not_count(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.has_run_ray_up()
    (laptop.temporary / "ray-config-gone").symlink_to("nowhere")
    assert find_cluster() is not None
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert find_cluster() is None


def test_traces_of_other_programs_are_passed_over(laptop: Laptop) -> None:
    (laptop.temporary / "ray-config-x").write_text("{")
    (laptop.temporary / "ray-config-y").write_text("[]")
    assert find_cluster() is None


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        (
            "ImportError: The Ray AWS VM launcher requires the AWS SDK for Python (Boto3) to be installed.",
            r"pip install -e '\.\[cluster\]'",
        ),
        ("botocore.exceptions.NoCredentialsError: Unable to locate credentials", "aws configure"),
        ("no route to host", "Try again"),
    ],
)
def test_what_a_cloud_lacks_here_is_told_with_its_mend(laptop: Laptop, monkeypatch: pytest.MonkeyPatch, said: str, mend: str) -> None:
    def fail(file: Path) -> str:
        raise UserError(said)

    monkeypatch.setattr("gantune.remote.launcher.head_address", fail)
    found = find_cluster(Path("cluster.yaml"))
    assert found is not None
    with pytest.raises(UserError, match=rf"{re.escape(said.rstrip('.'))}\. Nothing runs\.\n.*{mend}"):
        found.reach()

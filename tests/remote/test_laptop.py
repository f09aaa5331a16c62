"""The verbs on a laptop whose folder has a cluster: what goes there, what comes back, and what does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from laptops import Laptop

from gantune import cli
from gantune.cli.driving import again
from gantune.remote import far
from gantune.remote.cluster import Cluster, find_cluster
from gantune.remote.head import Head
from gantune.runtime.machines import Machine
from gantune.runtime.session import Session

MINE = "family: ./mine.py:Mine\nspace: {space}\ndata: ring8\nbudget: {{trials: 2, kimg: 2, report_every: 1}}\n"
CODE = "from gantune.families.gan import GAN\n\n\nclass Mine(GAN):\n    name = 'mine'\n"


def begun(name: str = "gan-1") -> dict[str, str]:
    return {"out": json.dumps({"sweep": name, "folder": f"/shared/runs/{name}", "job": f"gantune-{name}", "notes": ["GPUs found"]})}


def run(*words: str) -> int:
    return cli._run(list(words), debug=True)


def test_a_sweep_is_shipped_started_and_followed(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    (laptop.folder / "sweeps").mkdir()
    (laptop.folder / "sweeps" / "mine.yaml").write_text(MINE.format(space="../space.yaml"))
    (laptop.folder / "sweeps" / "mine.py").write_text(CODE)
    (laptop.folder / "space.yaml").write_text("lr_g: {log: [1e-5, 1e-2]}\n")
    laptop.answers(sweep=begun("mine-1"), attach={"out": "trial 0000 complete\n"})
    words = ["mine", "--set", "batch=50", "--trials", "1", "--warm-start", "old one"]
    assert run("sweep", *words) == 0
    assert [call[0] for call in laptop.calls] == ["get-head-ip", "exec", "rsync-up", "exec", "exec"]
    place = f"{laptop.place}/shared/submitted/1"
    flags = "--set batch=50 --trials 1 --warm-start 'old one' --detach --json"
    assert laptop.commands() == ["--prepare", f"--cd {place} sweep mine {flags}", "attach mine-1"]
    shipped = sorted(str(file.relative_to(place)) for file in Path(place).rglob("*") if file.is_file())
    assert shipped == ["space.yaml", "sweeps/mine.py", "sweeps/mine.yaml"]
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "mine runs on cluster lab (head 10.77.0.10)",
        "GPUs found",
        "mine-1 has begun there as Ray job gantune-mine-1",
        "trial 0000 complete",
    ]
    assert told.err == "", "and none of what Ray and ssh say"


def test_detached_it_is_not_followed_and_says_in_json_what_was_started(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    laptop.answers(sweep=begun(), resume=begun())
    assert run("sweep", "gan", "--detach", "--json") == 0
    assert json.loads(capsys.readouterr().out)["job"] == "gantune-gan-1"
    assert run("resume", "gan", "--trials", "+3", "--hours", "1.5", "--detach") == 0
    assert "gan-1 has begun there as Ray job gantune-gan-1\nFollow it: gantune attach gan-1" in capsys.readouterr().out
    assert laptop.commands()[-1] == "resume gan --trials +3 --hours 1.5 --detach --json"
    assert not any("attach" in command for command in laptop.commands())


def test_a_mistake_costs_no_network(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    assert run("sweep", "gan", "--set", "budget.kimgg=3") == 2
    assert "kimgg" in capsys.readouterr().err
    (laptop.folder / "mine.yaml").write_text(MINE.format(space="nowhere"))
    assert run("sweep", "mine.yaml") == 2
    assert laptop.calls == []


def test_a_sweep_that_is_good_without_gpus_or_with_them_is_good_for_a_cluster_of_which_that_is_not_known(laptop: Laptop) -> None:
    laptop.has_run_ray_up()
    laptop.answers(sweep=begun())
    short = ["sweep", "dcgan", "--set", "budget.kimg=8", "--detach"]  # with GPUs a report would come every 20
    assert run(*short) == 0
    assert run("sweep", "gan", "--set", "resources.gpu=0.5", "--detach") == 0
    types = {"gpu": {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 5}}
    laptop.has_run_ray_up(max_workers=5, available_node_types=types)
    assert run(*short) == 2


def test_what_the_head_refuses_is_told_as_it_was_there(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    laptop.answers(sweep={"err": "gantune: --data folder:/data/x: there is no folder /data/x.\n", "code": 2})
    assert run("sweep", "gan", "--data", "folder:/data/x") == 2
    told = capsys.readouterr()
    assert "note: folder:/data/x names a path on the cluster, not here" in told.err
    assert "gantune: --data folder:/data/x: there is no folder /data/x." in told.err
    assert "has begun" not in told.out


def test_files_that_cannot_be_copied_are_told_with_the_reason(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    laptop.answers()
    (laptop.place / "full").touch()
    assert run("sweep", "gan") == 2
    said = "failed: rsync: [receiver] mkdir failed: No space left on device (28); rsync error: error in file IO (code 11)\n"
    assert capsys.readouterr().err.endswith(said)


def test_a_head_that_cannot_make_room_says_why(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    (laptop.place / "shared").write_text("no folder is mounted here")
    assert run("sweep", "gan") == 2
    told = capsys.readouterr().err
    assert told.startswith(f"gantune: {laptop.place}/shared/submitted")
    assert told.endswith(": Not a directory.\n")
    found = find_cluster()
    assert found is not None
    gone = Head(found.reach()).ask("ls", cd="/nowhere")
    assert (gone.code, gone.err) == (2, "gantune: /nowhere: No such file or directory.\n")


def test_where_a_verb_failed_without_a_word_of_its_own_what_else_came_is_told(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    head = Head(Cluster(Path("cluster.yaml"), "lab", "10.77.0.10"))
    for code, err, told in ((1, b"", "Traceback\n"), (1, b"gantune: no.\n", "gantune: no.\n"), (0, b"", "")):
        talk = [("begin", "0.1.0"), ("raw", b"Traceback\r\n"), ("err", err), ("end", code)]
        monkeypatch.setattr(Head, "_talk", lambda *_, talk=talk, **__: (mark for mark in talk))
        assert head.ask("ls").err == told


def test_a_defect_on_the_head_is_told_before_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANTUNE_RUNS", str(tmp_path))
    monkeypatch.setattr(far, "_prepared", lambda: 1 / 0)
    assert far.main(["--prepare"]) == 1
    told = capfd.readouterr()
    assert "ZeroDivisionError" in told.err
    assert told.out.endswith('{"end": 1}\n')


def test_reading_verbs_give_what_the_head_gives_and_its_exit_code(laptop: Laptop, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    laptop.has_run_ray_up()
    laptop.answers(
        show={"out": '{"sweep": "gan-1"}\n'}, stop={"err": "gantune: sweep gan-1 is not running.\n", "code": 2}, ls={}, doctor={"code": 1}
    )
    assert run("show", "gan 1", "--json") == 0
    told = capfdbinary.readouterr()
    assert json.loads(told.out) == {"sweep": "gan-1"}
    assert told.err == b""
    assert run("stop", "gan-1", "7") == 2
    told = capfdbinary.readouterr()
    assert (told.out, told.err) == (b"", b"gantune: sweep gan-1 is not running.\n")
    assert run("ls") == 0
    assert run("doctor", "--json") == 1
    assert laptop.commands() == ["show 'gan 1' --json", "stop gan-1 7", "ls", "doctor --json"]


def test_a_broken_connection_is_told_and_how_to_come_back(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    laptop.answers(attach={"out": "trial 0\n", "lost": True}, sweep=begun() | {"lost": True})
    assert run("attach", "gan-1") == 1
    told = capsys.readouterr()
    assert told.out == "trial 0\n"
    assert "connection to cluster lab (head 10.77.0.10) was lost; gan-1 goes on. Come back: gantune attach gan-1" in told.err
    assert run("sweep", "gan") == 2
    assert "was lost. What was begun there goes on: gantune ls" in capsys.readouterr().err


def test_ctrl_c_detaches(laptop: Laptop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Head, *words: str, ports: tuple[int, ...] = ()) -> int:
        raise KeyboardInterrupt

    laptop.has_run_ray_up()
    monkeypatch.setattr(Head, "pass_on", interrupted)
    assert run("attach", "gan-1") == 0
    assert "detached: gan-1 keeps running on cluster lab (head 10.77.0.10). Follow it: gantune attach gan-1" in capsys.readouterr().out
    assert run("stop", "gan-1") == 130, "whether it was stopped is not known"


def test_a_head_that_does_not_answer_is_told_with_the_reason(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    (laptop.place / "deaf").touch()
    for words in (["sweep", "gan"], ["ls"]):
        assert run(*words) == 2
        said = "cluster lab (head 10.77.0.10) does not answer: ssh: connect to host 10.77.0.10 port 22: No route to host."
        assert said in capsys.readouterr().err
    assert not (laptop.folder / "runs").exists(), "and nothing has run here"


def test_a_cluster_that_is_down_stops_sweeps_and_lets_this_machines_runs_be_read(
    laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    laptop.has_run_ray_up()
    (laptop.place / "down").touch()
    for words in (["sweep", "gan"], ["resume", "gan"], ["stop"], ["attach"], ["ls", "--cluster", "cluster.yaml"]):
        assert run(*words) == 2
        assert "it is not up. Nothing runs." in capsys.readouterr().err
    assert run("ls") == 0
    told = capsys.readouterr()
    assert told.err.startswith("note: cluster lab (cluster.yaml) was started from here, but it is not up. This is about the runs on this")
    assert told.out.startswith("there is no sweep in ")


@pytest.mark.parametrize("place", ["--local", "--runs elsewhere", "RAY_ADDRESS", "GANTUNE_RUNS"])
def test_who_names_another_place_is_not_sent_to_the_cluster(
    laptop: Laptop, place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    laptop.has_run_ray_up()
    words = place.split() if place.startswith("--") else []
    if not words:
        monkeypatch.setenv(place, "10.0.0.1:6379")
    assert run("ls", *words) == 0
    assert laptop.calls == []
    assert run("ls", *words, "--cluster", "cluster.yaml") == 2
    assert f"--cluster cluster.yaml and {place.split()[0]} name different places." in capsys.readouterr().err


def test_what_is_said_about_this_machines_sweeps_beside_a_cluster_keeps_them_here(laptop: Laptop) -> None:
    assert again("resume", Path("runs/gan-1")) == "gantune resume gan-1"
    laptop.has_run_ray_up()
    assert again("resume", Path("runs/gan-1")) == "gantune resume gan-1 --local"
    assert again("resume", Path("else/gan-1")) == "gantune resume gan-1 --runs else"
    assert laptop.calls == []


def test_a_report_is_brought_here(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    folder = laptop.place / "shared" / "runs" / "gan-1" / "report"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("found")
    laptop.answers(report={"out": f"{folder}/index.html\n{folder}/trials.csv\n"})
    assert run("report", "gan") == 0
    assert capsys.readouterr().out.splitlines() == ["runs/report-gan/index.html", "runs/report-gan/trials.csv"]
    assert Path("runs/report-gan/index.html").read_text() == "found"
    assert run("report", "gan", "--out", "mine") == 0
    assert Path("mine/index.html").is_file()


def test_a_dry_run_happens_there_and_begins_nothing(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    laptop.answers(sweep={"out": "sweep gan: the plan\n"})
    assert run("sweep", "gan", "--dry-run") == 0
    assert capsys.readouterr().out == "gan would run on cluster lab (head 10.77.0.10)\nsweep gan: the plan\n"
    assert laptop.commands()[-1].endswith("--discard sweep gan --dry-run")


def test_what_was_shipped_for_a_dry_run_is_removed_there_and_a_sweep_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTUNE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(far, "_run", lambda verb, folder, terminal, flag: 2 if "--dry-run" in verb else 0)
    folder = tmp_path / "submitted" / "1"
    (folder / "sweeps").mkdir(parents=True)
    assert far.main(["--cd", str(folder), "sweep", "gan"]) == 0
    assert folder.is_dir()
    assert far.main(["--cd", str(folder), "--discard", "sweep", "gan", "--dry-run"]) == 2
    assert not folder.exists()


def test_a_cluster_that_must_be_named_is_named_in_what_is_told(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.answers(sweep=begun())
    assert run("sweep", "gan", "--detach", "--cluster", "cluster.yaml") == 0
    named = "gan-1 --cluster cluster.yaml"
    assert f"Follow it: gantune attach {named}    End it: gantune stop {named}" in capsys.readouterr().out


def test_another_version_of_gantune_there_is_noted(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    laptop.has_run_ray_up()
    laptop.answers(ls={"version": "0.0.9"})
    assert run("ls") == 0
    assert "and 0.0.9 on cluster lab" in capsys.readouterr().err


def test_on_this_machine_it_says_so(laptop: Laptop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gantune.runtime.gpus.look", lambda local: Session(None, (Machine(2, 0),)))
    assert run("sweep", "gan", "--data", "ring8", "--dry-run") == 0
    assert "note: it would run on this machine (2 CPUs, no GPU)" in capsys.readouterr().out
    assert "STANDIN" in os.environ
    assert laptop.calls == []


def test_a_verb_that_goes_to_the_cluster_loads_nothing_heavy() -> None:
    loaded = "import sys, gantune.cli, gantune.remote.head, gantune.remote.far; print({'torch', 'ray', 'mlflow'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.stdout, done.stderr) == ("set()\n", "")

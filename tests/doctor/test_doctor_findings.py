"""A node's account of itself → findings, without Ray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doctor.facts import GIB, HERE, answer, facts, node

from gantune.doctor import findings
from gantune.doctor.check import Check
from gantune.doctor.node import write_back
from gantune.doctor.shared import Token, token_in
from gantune.doctor.start import judged
from gantune.errors import UserError
from gantune.runtime.nodes import Answer, Node


@pytest.fixture
def token(tmp_path: Path) -> Iterator[Token]:
    with token_in(tmp_path) as made:
        yield made


def checks(token: Token, of: Node | None = None, **changed: Any) -> dict[str, Check]:
    of = of or node()
    shared = write_back(str(token.place), of.id)
    found = findings.of_node(answer(of, facts(token.content, **{"shared": shared, **changed})), HERE, token, "/shared/runs")
    assert all(check.node == of.name for check in found)
    return {check.name: check for check in found}


def test_a_node_like_this_machine_is_well(token: Token) -> None:
    assert [name for name, check in checks(token).items() if not check.ok] == []


@pytest.mark.parametrize(
    ("changed", "wrong", "said", "mend"),
    [
        ({"versions": HERE | {"python": "3.12.1"}}, "Python", "Python 3.12.1, here 3.11.7", "Give every node Python 3.11.7"),
        ({"versions": HERE | {"ray": "2.59.0"}}, "Ray", "Ray 2.59.0, here 2.60.0", "Give every node Ray 2.60.0"),
        ({"versions": HERE | {"gantune": None, "code": None}}, "gantune", "gantune is not installed there", "pip install"),
        ({"versions": HERE | {"code": "xyz"}}, "gantune", "of other files than here (xyz, here abc)", "pip install"),
        ({"versions": HERE | {"torch": None}}, "torch", "torch is not installed there", "Install torch"),
        ({"free": {"/shared/runs": GIB, "/tmp": 50 * GIB}}, "free disk", "1.0 GiB", "storage.checkpoints_gb"),
        ({"free": {"/shared/runs": 50 * GIB, "/tmp": 2**20}}, "free /tmp", "0.0 GiB", "spills"),
        ({"memory": GIB}, "memory", "1.0 GiB", "more"),
        ({"shm": 64 * 2**20}, "/dev/shm", "0.1 GiB", "--shm-size"),
        ({"gpus": {"count": None, "error": "no module"}}, "GPUs", "no module", "nvidia-smi"),
        ({"gpus": {"count": 2}}, "GPUs", "Ray counts 0, torch sees 2", "--num-gpus=2"),
        ({"tracker": {"uri": "http://head:5000", "status": 403}}, "MLflow", "answers 403", "--allowed-hosts head:5000"),
        ({"tracker": {"uri": "http://head:5000/x", "status": 401}}, "MLflow", "answers 401", "MLFLOW_TRACKING_USERNAME"),
        ({"tracker": {"uri": "http://localhost:5000", "status": None, "error": "refused"}}, "MLflow", "refused", "head's name"),
        ({"tracker": {"uri": "http://head:5000", "status": None, "error": "refused"}}, "MLflow", "refused", "Start the server"),
        ({"tracker": {"uri": "http://me:pw@head:5000", "status": 403}}, "MLflow", "http://head:5000 answers", "--allowed-hosts head:5000"),
        ({"shared": {"failed": "read", "error": "No such file or directory"}}, "runs folder", "does not see", "Mount one folder"),
        ({"shared": {"failed": "write", "error": "Permission denied"}}, "runs folder", "cannot write there", "same user"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_mend(token: Token, changed: dict[str, Any], wrong: str, said: str, mend: str) -> None:
    found = checks(token, **changed)
    assert [name for name, check in found.items() if not check.ok] == [wrong]
    assert said in found[wrong].found
    assert mend in found[wrong].mend


def test_the_third_number_of_python_and_another_torch_are_told_and_not_wrong(token: Token) -> None:
    found = checks(token, versions=HERE | {"python": "3.11.9", "torch": "2.13.0"})
    assert all(check.ok for check in found.values())
    assert found["Python"].found == "3.11.9"
    assert found["torch"].found == "2.13.0, here 2.14.1: seeds do not give equal numbers on both"


@pytest.mark.parametrize(
    ("mps", "ok", "said"),
    [
        ({"given": True, "runs": True}, True, "runs (/tmp/nvidia-mps)"),
        ({"given": False, "runs": False}, True, "take turns"),
        ({"given": True, "runs": False}, False, "no control pipe"),
    ],
)
def test_mps_is_looked_at_where_there_are_gpus(token: Token, mps: dict[str, Any], ok: bool, said: str) -> None:
    at = {"folder": "/tmp/nvidia-mps", **mps}
    found = checks(token, node(gpus=2), gpus={"count": 2}, mps=at)
    assert found["GPUs"].ok
    assert (found["MPS"].ok, said in found["MPS"].found) == (ok, True)
    assert "MPS" not in checks(token, mps=at)


def test_gpus_that_torch_does_not_see_are_wrong(token: Token) -> None:
    found = checks(token, node(gpus=2))
    assert not found["GPUs"].ok
    assert found["GPUs"].found == "Ray counts 2, torch sees 0"
    assert "CPU" in found["GPUs"].mend


def test_a_folder_of_the_same_path_that_is_not_the_same_is_found(token: Token, tmp_path: Path) -> None:
    other = tmp_path / "other" / token.place.name  # what a node has there, with an older copy of what was written
    other.mkdir(parents=True)
    (other / "token").write_text(token.content)
    said = write_back(str(other), "id-b")
    assert said["content"] == token.content
    (wrong,) = (one for one in findings.of_node(answer(node(), facts("", shared=said)), HERE, token, "/shared/runs") if not one.ok)
    assert "what it writes there does not arrive here" in wrong.found


@pytest.mark.parametrize(
    ("there", "ok", "found"),
    [
        (100.0, True, "as this machine's"),
        (101.5, True, "+1.5 s to this machine's"),
        (103.0, False, "+3.0 s to this machine's"),
        (40.0, False, "-60.0 s to this machine's"),
    ],
)
def test_clocks(there: float, ok: bool, found: str) -> None:
    check = findings.clock(answer(node(), there))
    assert check is not None
    assert (check.ok, check.found) == (ok, found)
    assert "TLS" in check.mend


def test_a_slow_answer_is_no_wrong_clock() -> None:
    check = findings.clock(Answer(node(), 104.0, None, asked=100.0, answered=110.0))
    assert check is not None
    assert check.ok
    assert findings.clock(answer(node(), problem="gone")) is None


def test_a_silent_node_is_a_line_of_its_own() -> None:
    silent = answer(node(), problem="does not answer within 20 s")
    check = findings.unreachable(silent, "token")
    assert (check.ok, check.node, check.found) == (False, "b", "does not answer within 20 s")
    assert "auth_token" in check.mend
    assert "token" not in findings.unreachable(silent, "").mend


def good(token: Token, name: str, **versions: Any) -> Answer:
    of = node(name)
    return answer(of, {"versions": HERE | versions, "shared": write_back(str(token.place), of.id)})


def test_before_a_sweep_equal_nodes_with_one_folder_pass(token: Token) -> None:
    assert judged([good(token, "a"), good(token, "b")], token, HERE) == []


def test_before_a_sweep_another_torch_and_a_silent_node_are_noted(token: Token) -> None:
    answers = [good(token, "a", torch="2.13.0"), answer(node("c"), problem="does not answer within 15 s")]
    silent, torch = judged(answers, token, HERE)
    assert silent == "node c does not answer within 15 s; `gantune doctor` tells more"
    assert torch.startswith("torch 2.13.0 on some nodes, here 2.14.1")


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"python": "3.12.1"}, "node b: Python 3.12.1, here 3.11.7. So it is with c.\nGive every node Python 3.11.7"),
        ({"ray": "2.59.0"}, "node b: Ray 2.59.0, here 2.60.0. So it is with c.\nGive every node Ray"),
        ({"gantune": None, "code": None}, "node b: gantune is not installed there. So it is with c.\nInstall this machine's gantune"),
    ],
)
def test_before_a_sweep_other_versions_are_refused(token: Token, versions: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refused:
        judged([good(token, "a"), good(token, "b", **versions), good(token, "c", **versions)], token, HERE)
    assert str(refused.value).startswith(said)


def test_before_a_sweep_a_node_without_the_folder_is_refused(token: Token) -> None:
    blind = answer(node("b"), {"versions": HERE, "shared": {"failed": "read", "error": "No such file or directory"}})
    with pytest.raises(UserError) as refused:
        judged([good(token, "a"), blind], token, HERE)
    first, second = str(refused.value).splitlines()
    assert first == f"node b: does not see {token.folder} as this machine does (No such file or directory)."
    assert second.startswith("Mount one folder")


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    with token_in(tmp_path) as made:
        write_back(str(made.place), "x")
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())

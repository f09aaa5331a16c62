"""What goes to the cluster, and what does not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gantune.errors import UserError
from gantune.remote.shipping import data_of, files_of, name_there, stage

SWEEP = """
family: ../gans/mine.py:Mine
space: ./spaces/mine.yaml
stopping: [d_won, {../rules/own.py:Slow: {patience: 3}}]
data: folder:/data/birds
on_gpu: {space: ./gpu_space.py:points}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a sweep that names files beside it, and much that nobody names."""
    texts = {
        "sweeps/mine.yaml": SWEEP,
        "sweeps/other.yaml": "family: gan\n",
        "sweeps/spaces/mine.yaml": "lr_g: {log: [1e-5, 1e-2]}\n",
        "sweeps/gpu_space.py": "",
        "search_spaces/own.py": "",
        "search_spaces/own.yaml": "",
        "gans/mine.py": "",
        "gans/layers.py": "",
        "gans/birds.npz": "",
        "rules/own.py": "",
        "train.py": "",
        ".venv/lib/a.py": "",
        "runs/dcgan-1/code/b.py": "",
        "notes.md": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


SHIPPED = [
    "gans/mine.py",
    "rules/own.py",
    "search_spaces/own.py",
    "search_spaces/own.yaml",
    "sweeps/gpu_space.py",
    "sweeps/mine.yaml",
    "sweeps/other.yaml",
    "sweeps/spaces/mine.yaml",
]


@pytest.mark.parametrize("sweep", ["mine", "sweeps/mine.yaml", "./sweeps/../sweeps/mine.yaml"])
def test_what_the_sweep_names_goes_and_nothing_else(folder: Path, sweep: str) -> None:
    assert [str(file) for file in files_of(sweep, [], folder)] == SHIPPED


def test_flags_name_files_too(folder: Path) -> None:
    flags = ["family=./train.py:Gan", "stopping=[./rules/own.py:Slow]"]
    assert [str(file) for file in files_of("dcgan", flags, folder)] == [
        "rules/own.py",
        "search_spaces/own.py",
        "search_spaces/own.yaml",
        "sweeps/mine.yaml",
        "sweeps/other.yaml",
        "train.py",
    ]


def test_absolute_names_and_files_outside_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sweeps" / "absolute.yaml").write_text(f"family: {folder}/gans/mine.py:Mine\n")
    with pytest.raises(UserError, match=r"sweeps/absolute.yaml: .*/gans/mine.py is an absolute path, which the cluster does not have"):
        files_of("absolute", [], folder)
    with pytest.raises(UserError, match=r"--set: .*absolute path"):
        files_of("dcgan", [f"family={folder}/gans/mine.py:Mine"], folder)
    monkeypatch.chdir(folder / "gans")
    with pytest.raises(UserError, match=r"^\.\./sweeps/other.yaml lies outside"):
        files_of("../sweeps/other.yaml", [], folder / "gans")


def test_too_much_is_refused_with_the_largest(folder: Path) -> None:
    (folder / "gans" / "mine.py").write_bytes(b"#" * 3_000_000)
    with pytest.raises(UserError, match=r"2.9 MB, and at most 2 MB are shipped: gans/mine.py \(2.9 MB\)"):
        files_of("mine", [], folder)


def test_staged_files_lie_where_they_lay(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    into = tmp_path_factory.mktemp("staged")
    stage(files_of("mine", [], folder), folder, into)
    assert sorted(str(file.relative_to(into)) for file in into.rglob("*") if file.is_file()) == SHIPPED
    assert (into / "sweeps" / "mine.yaml").read_text() == SWEEP
    assert stat.S_IMODE(into.stat().st_mode) == 0o755, "rsync gives it to the head's folder, which others read"


def test_a_sweep_is_called_there_as_it_lies_there(folder: Path) -> None:
    assert name_there("dcgan", folder) == "dcgan"
    assert name_there(str(folder / "sweeps" / "mine.yaml"), folder) == "sweeps/mine.yaml"


def test_the_data_that_a_sweep_names(folder: Path) -> None:
    (folder / "sweeps" / "two.yaml").write_text("family: gan\ndata: mnist5k\non_gpu: {data: 'folder:/data/x'}\n")
    assert data_of("two", []) == ["mnist5k", "folder:/data/x"]
    assert data_of("two", ["data=cifar10"]) == ["cifar10"]
    assert data_of("mine", ["lr_g=1"]) == ["folder:/data/birds"]

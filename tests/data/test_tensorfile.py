"""Tensor files: what is written comes back, in whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from gantune.data.tensorfile import DamagedFile, create, read, write


def test_what_is_written_comes_back_and_safetensors_reads_it_too(tmp_path):
    from safetensors.numpy import load_file

    tensors = {
        "a": np.arange(7, dtype=np.uint8),
        "b": np.linspace(0, 1, 12).reshape(3, 4),
        "c": np.float32([[1.5]]),
        "d": np.arange(3),
        "e": np.zeros((0, 4)),
    }
    path = tmp_path / "x.safetensors"
    write(path, tensors, {"about": "this"})
    arrays, about = read(path)
    assert about == {"about": "this"}
    for name, value in tensors.items():
        np.testing.assert_array_equal(arrays[name], value)
        assert arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(load_file(path)[name], value)


def test_changing_what_was_read_leaves_the_file_alone(tmp_path):
    path = tmp_path / "x"
    write(path, {"a": np.zeros(4, np.uint8)}, {})
    read(path)[0]["a"][:] = 7
    assert read(path)[0]["a"].tolist() == [0, 0, 0, 0]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x"
    write(path, {"a": np.ones(3)}, {})

    def interrupted() -> None:
        with create(path, {"a": (np.float64, (3,))}, {}) as arrays:
            arrays["a"][:] = 5
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert read(path)[0]["a"].tolist() == [1, 1, 1]
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("keep", [0, 4, 40, -1])
def test_a_file_cut_short_is_damaged(tmp_path, keep):
    path = tmp_path / "x"
    write(path, {"a": np.ones(30)}, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedFile):
        read(path)

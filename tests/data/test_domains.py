"""Data of two domains: outlines and twins of mnist5k, pairs side by side, two folders."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from gantune.data import Batches, form_of, open_dataset
from gantune.data.digit_domains import outlines, saturated
from gantune.errors import UserError
from gantune.trial import Trial, TrialPlan

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def digits(cache):
    return open_dataset("mnist5k", cache=cache)


@pytest.mark.parametrize("name", ["mnist5k_edges", "mnist5k_twins"])
def test_they_are_made_once_and_the_same_everywhere(name, cache, tmp_path):
    here, there = open_dataset(name, cache=cache), open_dataset(name, cache=tmp_path)
    assert here.fingerprint == there.fingerprint != open_dataset("mnist5k", cache=cache).fingerprint
    assert torch.equal(here.source, there.source)
    assert here.form == form_of(name)
    assert (len(here.train), len(here.heldout), len(here.source), len(here.heldout_source)) == (4000, 1000, 4000, 1000)
    assert open_dataset(name, 64, cache).form == form_of(name, 64)


def test_outlines_lie_beside_their_own_digits(cache, digits):
    data = open_dataset("mnist5k_edges", cache=cache)
    assert torch.equal(data.train, digits.train)
    assert torch.equal(data.heldout_labels, digits.heldout_labels)
    assert set(data.source.unique().tolist()) == {0, 255}
    for source, digit in ((data.source, data.train), (data.heldout_source, data.heldout)):
        assert torch.equal(source, outlines(digit))
        assert digit[source == 255].max() < 96
    batch = Batches(data, 50, 3, CPU)(7)
    assert torch.equal(outlines(((batch.x + 1) * 127.5).round().byte()), ((batch.source + 1) * 127.5).round().byte())


def test_an_outline_by_hand():
    digit = torch.zeros(1, 1, 5, 5, dtype=torch.uint8)
    digit[0, 0, 2, 2] = 255
    ring = torch.zeros(5, 5, dtype=torch.uint8)
    ring[1:4, 1:4] = 255
    ring[2, 2] = 0
    assert torch.equal(outlines(digit)[0, 0], ring)


def test_twins_are_turned_coloured_and_strangers(cache, digits):
    data = open_dataset("mnist5k_twins", cache=cache)
    for mine, theirs, labels, same in (
        (data.train, digits.train, data.labels, digits.labels),
        (data.heldout, digits.heldout, data.heldout_labels, digits.heldout_labels),
    ):
        upright = torch.rot90(mine.amax(1, keepdim=True), -1, (2, 3))  # the brightest channel of a saturated colour is the digit
        key = {row.numpy().tobytes(): label for row, label in zip(theirs, same.tolist(), strict=True)}
        assert all(key.pop(row.numpy().tobytes()) == label for row, label in zip(upright, labels.tolist(), strict=True))
        assert not key, "every digit has one twin"
        place = (upright.flatten(1) == theirs.flatten(1)).all(1)
        assert place.sum() < 10, "but not at the same place"
        assert (mine.amin(1) == 0).all(), "saturated"
    assert torch.equal(data.source, digits.train)
    assert not data.paired
    colours = data.train.flatten(2).amax(2).float()
    assert colours.mean(0).sub(127).abs().max() < 10, "of all hues alike"


def test_hues():
    hues = torch.tensor([0.0, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6])
    expected = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]]).float()
    assert torch.allclose(saturated(hues), expected, atol=1e-5)


def fill(folder, count, *, width=40, height=20, mode="RGB", start=0):
    """Left half of one shade, right half 100 brighter."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in range(count):
        pixels = np.full((height, width, 3) if mode == "RGB" else (height, width), start + row, np.uint8)
        pixels[:, width // 2 :] += 100
        Image.fromarray(pixels).save(folder / f"{row:03d}.png")
    return folder


def test_pairs_side_by_side_stay_pairs(tmp_path, cache):
    data = open_dataset(f"paired:{fill(tmp_path / 'in', 30)}", 16, cache)
    assert data.paired
    assert data.form.source == data.shape == (3, 16, 16)
    assert (len(data.train), len(data.heldout)) == (26, 4)
    for source, target in ((data.source, data.train), (data.heldout_source, data.heldout)):
        assert torch.equal(source + 100, target)
    assert sorted(torch.cat([data.source, data.heldout_source])[:, 0, 0, 0].tolist()) == list(range(30))


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_the_smallest_folders_train_and_report(tmp_path, cache, name):
    """Ten pairs, or ten pictures a side: the two held out for reports are measured and drawn."""
    data = f"paired:{fill(tmp_path / 'p', 10)}"
    if name == "cyclegan":
        fill(tmp_path / "u" / "A", 10)
        fill(tmp_path / "u" / "B", 10)
        data = f"unpaired:{tmp_path / 'u'}"
    values = {"image_size": 16, "features": 4, "patch_layers": 1, "batch": 2}
    plan = TrialPlan("t", name, data, values, 0.02, 0.01, str(tmp_path / "t"), {"extractor": "mnist_cnn", "n_fake": 100}, ["diverged"])
    trial = Trial(plan)
    while trial.verdict is None:
        trial.advance()
    assert math.isfinite(trial.points[-1]["fid"])
    assert trial.trainer.conditions.warning.startswith("few held-out examples: reports measure 2 of them, scores 2")
    assert list((tmp_path / "t").rglob("*.png"))


def test_the_two_halves_never_mix(tmp_path, cache):
    """Halves higher and wider than square, each cropped about its own middle."""
    for width, height in ((80, 20), (20, 40)):
        data = open_dataset(f"paired:{fill(tmp_path / f'{width}', 12, width=width, height=height)}", 16, cache)
        assert (data.source.flatten(1).amin(1) == data.source.flatten(1).amax(1)).all()
        assert (data.train.flatten(1).amin(1) == data.train.flatten(1).amax(1)).all()


def test_folders_of_their_own_are_held_out(tmp_path, cache):
    fill(tmp_path / "p" / "train", 12, mode="L")
    fill(tmp_path / "p" / "val", 4, mode="L", start=50)
    data = open_dataset(f"paired:{tmp_path / 'p'}", 16, cache)
    assert data.shape == (1, 16, 16)
    assert sorted(data.heldout_source[:, 0, 0, 0].tolist()) == [50, 51, 52, 53]
    for part, count in (("trainA", 12), ("trainB", 20), ("testA", 4), ("testB", 5)):
        fill(tmp_path / "u" / part, count, mode="L" if part.endswith("A") else "RGB")
    data = open_dataset(f"unpaired:{tmp_path / 'u'}", 16, cache)
    assert (len(data.source), len(data.heldout_source), len(data.train), len(data.heldout)) == (12, 4, 20, 5)
    assert (data.form.source, data.shape, data.paired) == ((1, 16, 16), (3, 16, 16), False)


def test_a_tenth_of_either_folder_is_held_out_where_none_is_given(tmp_path, cache):
    fill(tmp_path / "u" / "A", 40)
    fill(tmp_path / "u" / "B", 20)
    data = open_dataset(f"unpaired:{tmp_path / 'u'}", 16, cache)
    assert (len(data.source), len(data.heldout_source), len(data.train), len(data.heldout)) == (36, 4, 16, 4)
    batch = Batches(data, 9, 0, CPU)(3)
    assert batch.x.shape == batch.source.shape == (9, 3, 16, 16)


def test_a_changed_file_is_seen(tmp_path, cache):
    folder = fill(tmp_path / "in", 12)
    before = open_dataset(f"paired:{folder}", 16, cache).fingerprint
    assert open_dataset(f"paired:{folder}", 16, cache).fingerprint == before
    Image.new("RGB", (42, 20), (9, 9, 9)).save(folder / "003.png")
    assert open_dataset(f"paired:{folder}", 16, cache).fingerprint != before


def test_what_will_not_do_is_refused_with_a_way_out(tmp_path, cache):
    with pytest.raises(UserError, match="there is no such folder"):
        open_dataset(f"paired:{tmp_path / 'nowhere'}", 16, cache)
    with pytest.raises(UserError, match="there is no folder"):
        form_of(f"unpaired:{tmp_path / 'nowhere'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        open_dataset(f"paired:{tmp_path / 'empty'}", 16, cache)
    with pytest.raises(UserError, match=r"5 pictures to train on in .*few and 4 held out are too few"):
        open_dataset(f"paired:{fill(tmp_path / 'few', 9)}", 16, cache)
    odd = fill(tmp_path / "odd", 12)
    Image.new("RGB", (41, 20)).save(odd / "005.png")
    with pytest.raises(UserError, match=r"005.png: is 41 pixels wide.*cut it to 40"):
        open_dataset(f"paired:{odd}", 16, cache)
    with pytest.raises(UserError, match=r"\d.png: is square, and a pair is two pictures side by side"):
        open_dataset(f"paired:{fill(tmp_path / 'square', 12, width=20)}", 16, cache)
    fill(tmp_path / "half" / "A", 12)
    with pytest.raises(UserError, match=r"there is no folder .*half/B, nor .*half/trainB"):
        open_dataset(f"unpaired:{tmp_path / 'half'}", 16, cache)
    (tmp_path / "half" / "B").mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        open_dataset(f"unpaired:{tmp_path / 'half'}", 16, cache)

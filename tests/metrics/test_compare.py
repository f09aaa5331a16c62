"""`gantune fid A B`: against torch-fidelity end to end, and what it refuses."""

from __future__ import annotations

import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from gantune.data import open_dataset
from gantune.errors import UserError
from gantune.metrics import Evaluator, MetricSettings
from gantune.metrics.compare import compare

KEYS = {"fid", "kid", "kid_std", "precision", "recall", "density", "coverage", "extractor", "weights_hash", "n_a", "n_b"}


def pictures(folder, images):
    folder.mkdir(parents=True)
    for row, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{row:03d}.png")
    return folder


def colours(n, seed, size=48):
    source = np.random.RandomState(seed)
    ramps = source.uniform(0, 255, (n, 1, 1, 3)) * np.linspace(0.2 + 0.5 * seed, 1, size)[None, :, None, None]
    return np.clip(ramps + source.normal(0, 20, (n, size, size, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory):
    """A file of random weights for torch-fidelity's InceptionV3, of a magnitude that survives its depth."""
    from torch_fidelity import feature_extractor_inceptionv3 as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(torch.nn.Module, "load_state_dict", lambda *_: None)
        net = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    source = torch.Generator().manual_seed(0)
    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d):
            fan_in = layer.weight[0].numel()
            layer.weight.data.normal_(0, (2 / fan_in) ** 0.5, generator=source)
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save(net.state_dict(), path)
    return path


def test_features_give_the_reference_values(tmp_path):
    source = np.random.RandomState(0)
    a, b = source.normal(0, 1, (400, 32)).astype(np.float32), source.normal(0.2, 1.1, (300, 32)).astype(np.float32)
    np.savez(tmp_path / "a.npz", features=a)
    np.savez(tmp_path / "b.npz", features=b)
    found = compare(tmp_path / "a.npz", str(tmp_path / "b.npz"))
    assert found.keys() >= KEYS
    assert json.loads(json.dumps(found)) == found
    fake, real = torch.from_numpy(a), torch.from_numpy(b)
    theirs = kid_features_to_metric(fake.double(), real.double(), kid_subsets=100, kid_subset_size=300, verbose=False)
    assert found["kid"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)
    assert found["kid_std"] == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-6)
    prc = prc_features_to_metric(fake, real, verbose=False)
    assert (found["precision"], found["recall"]) == pytest.approx((prc["precision"], prc["recall"]))
    assert (found["n_a"], found["n_b"], found["dims"]) == (400, 300, 32)


def test_without_several_subsets_there_is_no_spread_of_them(tmp_path):
    source = np.random.RandomState(0)
    for name in "ab":
        np.savez(tmp_path / f"{name}.npz", features=source.normal(0, 1, (300, 8)).astype(np.float32))
    assert "kid_std" not in compare(tmp_path / "a.npz", tmp_path / "b.npz")


@pytest.mark.slow
def test_pictures_give_torch_fidelitys_own_fid(tmp_path, inception_weights):
    from torch_fidelity import calculate_metrics

    a, b = pictures(tmp_path / "a", colours(24, 0)), pictures(tmp_path / "b", colours(30, 1))
    theirs = calculate_metrics(
        input1=str(a), input2=str(b), fid=True, kid=True, prc=True, kid_subset_size=24, feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(inception_weights), cuda=False, cache=False, verbose=False, save_cpu_ram=True, batch_size=8,
    )  # fmt: skip
    ours = compare(a, b, weights=str(inception_weights))
    assert ours["extractor"] == "inception"
    assert ours["fid"] == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert ours["kid"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)
    assert ours["precision"] == pytest.approx(theirs["precision"])
    assert ours["recall"] == pytest.approx(theirs["recall"])


def test_files_and_arrays_of_either_layout_read_alike(tmp_path, inception_weights):
    images = colours(3, 0, size=32)
    folder = pictures(tmp_path / "a", images)
    np.savez(tmp_path / "last.npz", images=images)
    np.savez(tmp_path / "first.npz", images=images.transpose(0, 3, 1, 2))
    found = compare(folder, tmp_path / "last.npz", weights=str(inception_weights))
    assert (found["extractor"], found["dims"]) == ("inception", 2048)
    assert found["fid"] == pytest.approx(0, abs=1e-3)
    other = np.clip(images.astype(int) + 40, 0, 255).astype(np.uint8)
    np.savez(tmp_path / "other.npz", images=other)
    fids = [
        compare(side, tmp_path / "other.npz", extractor="raw")["fid"] for side in (folder, tmp_path / "last.npz", tmp_path / "first.npz")
    ]
    assert fids == pytest.approx([fids[0]] * 3)
    assert fids[0] > 1


def test_digits_read_as_in_a_sweep(tmp_path):
    data = open_dataset("mnist5k")
    floor = Evaluator(data, MetricSettings(), torch.device("cpu")).floor
    np.savez(tmp_path / "fake.npz", images=data.heldout.numpy())
    np.savez(tmp_path / "real.npz", images=data.train[:, 0].numpy())
    found = compare(tmp_path / "fake.npz", tmp_path / "real.npz")
    assert found["extractor"] == "mnist_cnn"
    for name in ("fid", "precision", "recall", "density", "coverage"):
        assert found[name] == pytest.approx(floor[name], rel=1e-4)


def test_grey_and_colour_and_sizes_may_mix_where_the_extractor_resizes(tmp_path):
    grey = pictures(tmp_path / "grey", [image[..., 0] for image in colours(6, 0, 28)])
    mixed = pictures(tmp_path / "mixed", [*(image[..., 0] for image in colours(3, 0, 40)), *(image[..., 0] for image in colours(3, 1, 28))])
    assert compare(grey, mixed, extractor="mnist_cnn")["n_b"] == 6
    with pytest.raises(UserError, match=r"one size"):
        compare(grey, mixed, extractor="raw")
    apart = compare(grey, pictures(tmp_path / "c", colours(6, 0)), extractor="mnist_cnn")
    assert apart["dims"] == 3 * 64  # each channel read as a grey picture
    assert compare(grey, grey, extractor="raw")["fid"] == pytest.approx(0, abs=1e-2)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code in a file was run",))


def test_bad_sides_are_refused(tmp_path):
    good = pictures(tmp_path / "good", [image[..., 0] for image in colours(4, 0, 28)])
    (tmp_path / "empty").mkdir()
    broken = pictures(tmp_path / "broken", [image[..., 0] for image in colours(4, 0, 28)])
    (broken / "002.png").write_bytes((broken / "002.png").read_bytes()[:50])
    one = pictures(tmp_path / "one", [image[..., 0] for image in colours(1, 0, 28)])
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut")
    arrays = {
        "code": {"features": np.array([Bomb()] * 3, dtype=object)},
        "names": {"pixels": np.zeros((3, 3))},
        "both": {"images": np.zeros((3, 8, 8, 3), np.uint8), "features": np.zeros((3, 2))},
        "float": {"images": np.zeros((3, 8, 8, 3))},
        "nan": {"features": np.full((3, 2), np.nan)},
        "flat": {"features": np.zeros(4)},
        "narrow": {"features": np.zeros((4, 2))},
        "wide": {"features": np.zeros((4, 3))},
    }
    for name, content in arrays.items():
        np.savez(tmp_path / f"{name}.npz", **content)
    np.savez_compressed(tmp_path / "packed.npz", features=np.arange(4000.0).reshape(1000, 4))
    packed = bytearray((tmp_path / "packed.npz").read_bytes())
    (tmp_path / "header.npz").write_bytes(packed[:200] + bytes(60) + packed[260:])  # a TokenError
    (tmp_path / "packed.npz").write_bytes(packed[:900] + b"\xff" * 60 + packed[960:])  # a zlib.error
    with open(tmp_path / "bare.npz", "wb") as file:
        np.save(file, np.zeros((3, 2)))
    (tmp_path / "words.npz").write_text("fid 3.2\n")
    with zipfile.ZipFile(tmp_path / "raw.npz", "w") as archive:
        archive.writestr("features", b"1 2 3")
    for b, said in (
        ("packed.npz", "cannot be read"),
        ("header.npz", "cannot be read"),
        ("bare.npz", "no .npz archive"),
        ("words.npz", "no .npz archive"),
        ("raw.npz", "features is no array"),
        ("nowhere", "no such folder or file"),
        ("empty", "holds no pictures"),
        ("broken", "002.png: cannot be read"),
        ("one", "takes 2 or more"),
        ("text.txt", "neither a folder"),
        ("cut.npz", "cannot be read"),
        ("code.npz", "pickled objects"),
        ("names.npz", "neither images nor features; it has pixels"),
        ("both.npz", "keep one"),
        ("float.npz", "images are uint8"),
        ("nan.npz", "NaN"),
        ("flat.npz", "shape"),
        ("narrow.npz", "same kind"),
    ):
        with pytest.raises(UserError, match=said):
            compare(good, tmp_path / b)
    assert one.is_dir()
    with pytest.raises(UserError, match="2 dimensions"):
        compare(tmp_path / "narrow.npz", tmp_path / "wide.npz")
    small = pictures(tmp_path / "small", colours(3, 0, size=24))
    with pytest.raises(UserError, match=r"needs one size.\nResize one of them"):
        compare(good, small, extractor="raw")
    with pytest.raises(UserError, match="no extractor applies"):
        compare(tmp_path / "narrow.npz", tmp_path / "narrow.npz", extractor="raw")


def test_weights_are_never_unpickled_blindly(tmp_path):
    good = pictures(tmp_path / "good", colours(3, 0))
    with open(tmp_path / "bomb.pth", "wb") as file:
        pickle.dump(Bomb(), file)
    torch.save({"a": Bomb()}, tmp_path / "bomb2.pth")
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
    for name, said in (
        ("bomb.pth", "not a file of plain weights"),
        ("bomb2.pth", "not a file of plain weights"),
        ("other.pth", "another network"),
        ("no.pth", "no such file"),
    ):
        with pytest.raises(UserError, match=said):
            compare(good, good, extractor="inception", weights=str(tmp_path / name))


def test_without_network_inception_says_what_to_do(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setenv("GANTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    good = pictures(tmp_path / "good", colours(3, 0))
    with pytest.raises(UserError, match=r"(?s)could not be downloaded \(no network\).*or set metrics\.weights to its path"):
        compare(good, good)

"""The evaluator end to end: what it reads, what it remembers, what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gantune.data import open_dataset, to_unit
from gantune.data.tensorfile import read
from gantune.errors import UserError
from gantune.families.base import Samples
from gantune.metrics import Evaluator, MetricSettings, real_side
from gantune.metrics.mnist_cnn import WEIGHTS, load
from gantune.signals import SIGNALS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits():
    return open_dataset("mnist5k")


@pytest.fixture(scope="module")
def evaluator(digits):
    return Evaluator(digits, MetricSettings(n_fake=500), CPU)


def test_the_shipped_classifier_knows_digits(digits):
    net, _ = load()
    guesses = net(to_unit(digits.heldout))[1].argmax(1)
    assert (guesses == digits.heldout_labels).float().mean() > 0.975
    assert WEIGHTS.stat().st_size < 1_000_000
    assert "mnist5k train" in read(WEIGHTS)[1]["trained_on"]


def test_real_digits_read_the_floor_and_worse_ones_read_worse(evaluator, digits):
    real = to_unit(digits.heldout[:500])
    assert evaluator(Samples(real, y=digits.heldout_labels[:500])) == pytest.approx(evaluator.floor)
    blurred = torch.nn.functional.avg_pool2d(real, 3, 1, 1)
    noisy = evaluator(Samples((real + 0.5 * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)))
    collapsed = evaluator(Samples(real[:5].repeat(100, 1, 1, 1)))
    assert evaluator.floor["fid"] < evaluator(Samples(blurred))["fid"] < 500
    for worse in (noisy, collapsed):
        assert worse["fid"] > 10 * evaluator.floor["fid"]
        assert worse["c2st_loss"] < evaluator.floor["c2st_loss"] - 0.2
        assert worse["coverage"] < 0.2
    assert collapsed["recall"] < 0.05
    assert abs(evaluator.floor["c2st_loss"] - math.log(2)) < 0.02


def test_every_key_is_a_declared_signal(evaluator):
    assert evaluator.floor.keys() <= SIGNALS.keys()
    assert {"fid", "kid", "precision", "recall", "density", "coverage", "c2st_loss"} <= evaluator.floor.keys()
    points = Evaluator(open_dataset("ring8"), MetricSettings(n_fake=200, n_real=1000), CPU)
    assert points.floor.keys() <= SIGNALS.keys()
    assert {"fid", "modes", "hq_share", "c2st_loss", "precision"} <= points.floor.keys()
    assert points.floor["modes"] == 8


def test_an_infinite_sample_makes_every_metric_nan(evaluator, digits):
    fake = to_unit(digits.heldout[:500]).clone()
    fake[7, 0, 3, 3] = math.inf
    metrics, told = evaluator(Samples(fake)), evaluator(Samples(fake, y=digits.heldout_labels[:500]))
    assert told.keys() == evaluator.floor.keys() == {*metrics, "label_agreement"}
    assert all(math.isnan(value) for value in told.values())


def test_a_constant_generator_is_measured_without_a_crash(evaluator):
    metrics = evaluator(Samples(torch.zeros(500, 1, 32, 32)))
    assert all(math.isfinite(value) for value in metrics.values())
    assert metrics["recall"] == 0


def test_the_number_of_samples_is_held_to(evaluator):
    with pytest.raises(ValueError, match="500"):
        evaluator(Samples(torch.zeros(499, 1, 32, 32)))
    assert evaluator.provenance["n_fake"] == 500
    assert evaluator.provenance["n_real"] == 4000


def test_the_same_samples_and_seed_read_the_same(evaluator):
    fake = torch.rand(500, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert evaluator(Samples(fake), seed=1) == evaluator(Samples(fake), seed=1)


def test_untrained_generators_are_detected_and_real_digits_are_not(evaluator):
    controls = evaluator.c2st_controls(Samples(torch.randn(500, 1, 32, 32, generator=torch.Generator().manual_seed(0)).tanh()))
    assert controls["untrained"].detected
    assert not controls["real"].detected


def test_real_side_statistics_are_kept_and_never_stale(digits, tmp_path, monkeypatch):
    def opened(**settings):
        return Evaluator(digits, MetricSettings(**settings), CPU, tmp_path)

    first = opened(n_real=600, n_fake=100)
    kept = first.real.gaussian.root.clone()
    floor = first.floor
    with monkeypatch.context() as closed:
        closed.setattr(real_side, "gaussian", None)
        again = opened(n_real=600, n_fake=100)
        assert torch.equal(again.real.gaussian.root, kept)
        assert again.floor == floor
    assert not torch.equal(opened(n_real=700).real.gaussian.root, kept)
    assert opened(n_real=600, extractor="raw").real.gaussian.root.shape == (1024, 1024)
    monkeypatch.setattr(real_side, "VERSION", "next")
    opened(n_real=600)
    assert len(list((tmp_path / "real").glob("*.safetensors"))) == 4


def test_auto_goes_by_the_data(evaluator):
    assert evaluator.settings.extractor == "mnist_cnn"
    assert Evaluator(open_dataset("grid25"), MetricSettings(n_real=500), CPU).settings.extractor == "raw"


def test_a_probe_checks_what_samples_were_told_to_be(evaluator, digits):
    real, y = to_unit(digits.heldout[:500]), digits.heldout_labels[:500]
    assert evaluator.floor["label_agreement"] > 0.975
    assert "label_agreement" not in evaluator(Samples(real))
    assert evaluator(Samples(real, y=(y + 1) % 10))["label_agreement"] < 0.02
    told = evaluator(Samples(real, code=(y * 3 + 5) % 10))["label_agreement"]
    assert told == pytest.approx(evaluator.floor["label_agreement"]), "a code may stand for any class"


def test_attributes_are_probed_one_by_one(digits, tmp_path):
    def attributes(y):
        return torch.stack([y % 2, y >= 8, torch.zeros_like(y)], 1).to(torch.uint8)

    data = replace(digits, labels=attributes(digits.labels), heldout_labels=attributes(digits.heldout_labels))
    evaluator = Evaluator(data, MetricSettings(n_fake=500), CPU, tmp_path)
    assert 0.95 < evaluator.floor["label_agreement"] < 1
    real, asked = to_unit(data.heldout[:500]), data.heldout_labels[:500].clone()
    asked[:, 1] = 1 - asked[:, 1]
    assert abs(evaluator(Samples(real, y=asked))["label_agreement"] - 0.5) < 0.03, "one of two heeded"
    assert "label_agreement" not in evaluator(Samples(real, code=digits.heldout_labels[:500])), "codes are read as classes"
    other = replace(data, labels=1 - data.labels)
    assert Evaluator(other, MetricSettings(n_fake=500), CPU, tmp_path).floor["label_agreement"] < 0.05, "other labels, another probe"


@pytest.mark.parametrize("size", [28, 64])
def test_other_sizes_are_brought_to_the_classifiers(size):
    data = open_dataset("mnist5k", size)
    floor = Evaluator(data, MetricSettings(n_real=1000, n_fake=300), CPU).floor
    assert floor["inception_score"] > 6


def test_what_does_not_fit_is_refused(digits, tmp_path):
    for settings, said in (
        ({"extractor": "incepton"}, 'Did you mean "inception"'),
        ({"n_real": 5000}, "more than the 4000"),
        ({"extractor": "mnist_cnn", "weights": "x.pth"}, "takes no weights"),
    ):
        with pytest.raises(UserError, match=said):
            Evaluator(digits, MetricSettings(**settings), CPU)
    with pytest.raises(UserError, match="use raw"):
        Evaluator(open_dataset("ring8"), MetricSettings(extractor="mnist_cnn"), CPU)


def test_translations_are_read_in_both_directions_although_channels_differ():
    twins = open_dataset("mnist5k_twins")
    evaluator = Evaluator(twins, MetricSettings(n_fake=500), CPU)
    assert evaluator.provenance["extractor"] == "mnist_cnn"
    there, back = to_unit(twins.heldout[:500]), to_unit(twins.heldout_source[:500])
    perfect = evaluator(Samples(there, back=back, cycle=torch.zeros(500)))
    assert perfect["cycle_error"] == 0
    assert {name: perfect[name] for name in ("fid", "fid_back", "fid_both")} == pytest.approx(
        {name: evaluator.floor[name] for name in ("fid", "fid_back", "fid_both")}
    )
    assert perfect["fid_both"] == pytest.approx((perfect["fid"] + perfect["fid_back"]) / 2)
    copied = evaluator(Samples(back.expand(-1, 3, -1, -1), back=there.mean(1, keepdim=True)))
    assert copied["fid"] > 50 * perfect["fid"]
    assert copied["fid_back"] > 20 * perfect["fid_back"]
    broken = evaluator(Samples(there, back=back * math.nan, cycle=torch.zeros(500)))
    assert math.isnan(broken["fid_both"])
    assert math.isnan(broken["cycle_error"])


def test_pairs_are_read_against_their_targets_and_their_labels():
    edges = open_dataset("mnist5k_edges")
    evaluator = Evaluator(edges, MetricSettings(n_fake=500), CPU)
    target = to_unit(edges.heldout[:500])
    read = evaluator(Samples((target * 0.5), y=edges.heldout_labels[:500], target=target))
    assert read["l1"] == pytest.approx(float(target.abs().mean() / 2), rel=0.01)
    assert evaluator(Samples(target, y=edges.heldout_labels[:500], target=target))["label_agreement"] > 0.97

"""The probes against closed forms, on runs of a second."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from gantune import cli
from gantune.config import Config
from gantune.data import to_unit
from gantune.errors import UserError
from gantune.families import family_names, open_family
from gantune.generator_file import load_generator
from gantune.probes import landscape as landscapes
from gantune.probes.features import activations, features, separation
from gantune.probes.latent import Latent, parsed, slerp
from gantune.probes.neighbours import _space, neighbours
from gantune.probes.opened import Opened, open_best, open_checkpoints
from gantune.probes.optimal_discriminator import BATCHES, _generator_losses, _gradients, optimal_discriminator, reading_steps, takes_logits
from gantune.spec import load_sweep
from gantune.training.seeds import generator
from gantune.training.trainer import evaluating
from gantune.trial import Trial, TrialPlan

CPU = torch.device("cpu")


def trained(folder: Path, family: str = "dcgan", kimg: float = 1.0, data: str = "mnist5k", **values: Any) -> Path:
    declared = {"features": 4, "latent_dim": 8, "hidden": 16, "layers": 1, "image_size": 16, "batch": 50, "patch_layers": 1} | values
    opened = open_family(family)
    known = Config.of(opened, data, {}).flat()
    if data in ("ring8", "digits_retrieval"):
        del declared["image_size"]
    settings = Config.of(opened, data, {name: value for name, value in declared.items() if name in known})
    trial = Trial(TrialPlan("0000", family, data, settings.flat(), kimg, kimg / 2, str(folder), metrics={"n_fake": 100}, keep=[kimg / 2]))
    while trial.verdict is None:
        trial.advance()
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "train-dcgan-1")


def test_checkpoints_come_by_kimg_and_each_once(run: Path) -> None:
    assert [one.kimg for one in open_checkpoints(run)] == [0.5, 1.0]
    assert open_checkpoints(run / "last.pt")[0].kimg == 1.0
    with pytest.raises(UserError, match="no checkpoint yet"):
        open_checkpoints(run / "grids")


def test_a_fresh_d_meets_the_very_generator_of_the_checkpoint(run: Path) -> None:
    opened = open_best(run)
    fresh, stands = opened.fresh_d(seed=5), opened.trainer()
    for name, value in stands.g.state_dict().items():
        assert torch.equal(fresh.g.state_dict()[name], value), name
    assert not torch.equal(next(fresh.d.parameters()), next(stands.d.parameters()))
    before = {name: value.clone() for name, value in fresh.g.state_dict().items()}
    for _ in range(3):
        fresh.d_step()
    assert all(torch.equal(value, before[name]) for name, value in fresh.g.state_dict().items()), "its batch-norm statistics, too"


def test_a_fresh_d_learns_to_tell_an_untrained_generator_from_digits(run: Path) -> None:
    rows = optimal_discriminator(open_checkpoints(run)[0], steps=150)
    first, last = rows[0], rows[-1]
    assert first["step"] == 0
    assert last["step"] == 150
    assert first["d_loss_heldout"] == pytest.approx(np.log(2), abs=0.05)
    assert last["d_loss_heldout"] < 0.45
    assert last["d_acc"] > 0.95
    assert last["non-saturating norm"] > last["minimax norm"], "the gradient of ln(1 - D) dies first"


@pytest.mark.parametrize(("optimiser", "low", "high"), [("sgd", 0.9999, 1.0001), ("adam", 0.1, 0.95)])
def test_the_cosine_of_plain_descent_is_one_and_adams_is_less(run: Path, optimiser: str, low: float, high: float) -> None:
    rows = optimal_discriminator(open_best(run), steps=12, optimiser=optimiser)
    assert all(low < row["cosine"] < high for row in rows[1:])
    assert {row["optimiser"] for row in rows} == {optimiser}


@pytest.mark.parametrize(("shift", "dead", "alive"), [(-40.0, "minimax", "non-saturating"), (40.0, "non-saturating", "minimax")])
def test_each_loss_of_g_has_no_gradient_where_theory_says_so(run: Path, shift: float, dead: str, alive: str) -> None:
    """d/ds of -softplus(s) is -sigma(s), of softplus(-s) is sigma(s) - 1: gone where D is sure of fakes, and where it is fooled."""
    trainer = open_best(run).fresh_d(seed=1)
    plain = trainer.seen_d.forward
    trainer.seen_d.forward = lambda x, *more, **how: plain(x, *more, **how) + shift  # type: ignore[method-assign]
    found = _gradients(trainer, _generator_losses(trainer), generator(CPU, 0, "probe"))
    assert found[dead][0] < 1e-9
    assert found[alive][0] > 1e-6


def test_the_variance_of_a_gradient_falls_with_the_batch_and_nothing_is_changed(run: Path) -> None:
    variances = []
    for batch in (25, 400):
        trainer = open_best(run).fresh_d(seed=1, batch=batch)
        state = {name: value.clone() for name, value in {**trainer.d.state_dict(), **trainer.g.state_dict()}.items()}
        variances.append(_gradients(trainer, _generator_losses(trainer), generator(CPU, 0, "probe"))["non-saturating"][1])
        after = {**trainer.d.state_dict(), **trainer.g.state_dict()}
        assert all(torch.equal(after[name], value) for name, value in state.items())
    assert 6 < variances[0] / variances[1] < 40, f"16 times the batch, a sixteenth of the variance, from {BATCHES} batches each"


def test_logits_are_those_of_cross_entropy_only() -> None:
    opened = {name: open_family(name) for name in family_names()}
    yes = {name for name, family in opened.items() if takes_logits(family, family.Hparams())}
    assert {"gan", "dcgan", "cgan", "noise_gan", "dragan", "infogan", "bigan"} <= yes
    assert not yes & {"lsgan", "hinge_gan", "wgan", "wgan_gp", "ebgan", "began", "ls_gan"}


@pytest.mark.parametrize("family", ["wgan_gp", "lsgan", "began", "infogan", "bigan", "cgan", "pix2pix", "irgan"])
def test_every_kind_of_family_has_an_optimal_d(tmp_path: Path, family: str) -> None:
    data = {"pix2pix": "mnist5k_edges", "irgan": "digits_retrieval"}.get(family, "mnist5k")
    rows = optimal_discriminator(open_best(trained(tmp_path, family, 0.2, data, k=1)), steps=10)
    norms = [value for row in rows for name, value in row.items() if name.endswith("norm")]
    assert all(np.isfinite(norms))
    assert min(norms) > 0


def test_a_probe_of_a_d_with_dropout_depends_on_its_seed_alone(tmp_path: Path) -> None:
    opened = open_best(trained(tmp_path, "gan", 0.2, dropout=0.3))
    torch.manual_seed(1)
    first = optimal_discriminator(opened, steps=10)
    torch.manual_seed(2)
    assert optimal_discriminator(opened, steps=10) == first


def test_a_landscape_runs_the_code_that_was_given_and_not_what_a_checkpoint_names(run: Path, tmp_path: Path) -> None:
    opened = dataclasses.replace(open_best(run), content={**open_best(run).content, "family": "/elsewhere/evil.py:DCGAN"})
    file = landscapes.write_files(opened, tmp_path, kimg=0.5, plan={"objective": "fid", "mode": "min", "metrics": {}}, gpu=0)
    assert load_sweep(str(file)).families == ("dcgan",)
    assert "evil" not in file.read_text()


def test_readings_lie_ever_further_apart() -> None:
    steps = reading_steps(1000)
    assert steps[:4] == [0, 1, 2, 3]
    assert steps[-1] == 1000
    assert len(steps) < 45
    assert all(later > earlier for earlier, later in itertools.pairwise(steps))


def test_activations_are_what_the_layers_put_out(run: Path) -> None:
    opened = open_best(run)
    maps = activations(opened, n=32, seed=0)
    trainer = opened.trainer()
    convolutions = {name: module for name, module in trainer.d.named_modules() if isinstance(module, nn.Conv2d)}
    assert list(maps) == list(convolutions)
    with torch.no_grad(), evaluating(trainer.d):
        real = to_unit(trainer.dataset.heldout[:32])
        assert torch.allclose(maps["trunk.net.0"][:32], convolutions["trunk.net.0"](real).flatten(1), atol=1e-5)
        assert torch.allclose(maps["head"][:32, 0], trainer.d(real), atol=1e-5)


@pytest.mark.parametrize(("apart", "low", "high"), [(0.0, 0.4, 0.6), (2.0, 0.74, 0.84), (20.0, 1.0, 1.0)])
def test_separation_is_a_half_of_equals_and_one_of_strangers(apart: float, low: float, high: float) -> None:
    """Nobody tells two normals 2 apart better than in 0.84 of cases."""
    source = torch.Generator().manual_seed(0)
    clouds = torch.randn(600, 2, generator=source)
    clouds[300:, 0] += apart
    assert low <= separation(clouds) <= high


@pytest.mark.parametrize("family", ["cgan", "infogan", "bigan", "ebgan", "gan", "wgan_gp"])
def test_features_of_every_kind_of_d(tmp_path: Path, family: str) -> None:
    layers = features(open_best(trained(tmp_path, family, 0.2, k=1)), n=24)
    assert layers
    for layer in layers:
        assert layer.pca.shape == layer.tsne3.shape == (48, 3)
        assert 0 <= layer.separation <= 1


def test_numbered_samples_are_those_of_the_verb_sample(run: Path) -> None:
    made = load_generator(run / "generator.safetensors")
    space = Latent(made, seed=3)
    assert torch.equal(space.samples(), made.sample(64, 3).x)
    _, alone = space.sum(parsed("7"))
    assert torch.allclose(alone[0], space.samples()[7], atol=1e-5)
    for spherical in (False, True):
        way = space.between(2, 9, 5, spherical=spherical)
        assert torch.allclose(way[0], space.samples()[2], atol=1e-4)
        assert torch.allclose(way[-1], space.samples()[9], atol=1e-4)
    moved = space.along(4, 1, 3)
    assert not torch.equal(moved[0], moved[2])
    with pytest.raises(UserError, match="numbered from 0 to 63"):
        space.between(0, 64, 3, spherical=False)


@pytest.mark.parametrize("family", ["cgan", "infogan"])
def test_a_way_keeps_the_label_or_code_of_its_start(tmp_path: Path, family: str) -> None:
    space = Latent(load_generator(trained(tmp_path, family, 0.2) / "generator.safetensors"))
    assert torch.allclose(space.between(10, 20, 3, spherical=False)[0], space.samples()[10], atol=1e-5)


def test_the_arc_keeps_the_length_and_halves_the_angle() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    way = slerp(a, b, torch.tensor([[0.0], [0.5], [1.0]]))
    assert torch.allclose(way, torch.tensor([[2.0, 0.0], [2**0.5, 2**0.5], [0.0, 2.0]]), atol=1e-6)
    assert torch.allclose(slerp(a, 2 * a, torch.tensor([[0.5]])), torch.tensor([[3.0, 0.0]]))


def test_sums_read_as_they_are_written() -> None:
    assert [(term.sign, term.numbers) for term in parsed("3, 5,9 - 1 + 7,8")] == [(1, (3, 5, 9)), (-1, (1,)), (1, (7, 8))]
    for wrong in ("", "3 5", "a", "3 +", "1,,2", "3 * 4"):
        with pytest.raises(UserError, match="--sum"):
            parsed(wrong)


def test_copies_are_nearer_than_anything_and_held_out_ones_as_near_as_themselves() -> None:
    source = torch.Generator().manual_seed(0)
    train, heldout = torch.randn(400, 3, generator=source), torch.randn(200, 3, generator=source)
    copied = _space("pixels", train[:50], lambda rows: train[rows], len(train), heldout, 5)
    assert torch.equal(copied.rows[:, 0], torch.arange(50))
    assert copied.nearer == 1.0
    assert bool(copied.copies.all())
    assert _space("pixels", heldout, lambda rows: train[rows], len(train), heldout, 5).nearer == pytest.approx(0.5)
    far = _space("pixels", heldout + 100, lambda rows: train[rows], len(train), heldout, 5)
    assert far.nearer == 0.0
    assert not bool(far.copies.any())


def test_neighbours_of_samples_are_rows_of_the_training_split(run: Path) -> None:
    found = neighbours(open_best(run), n=20, k=3)
    pixels = found.spaces[0]
    for number in (0, 7):
        all_of_them = (to_unit(found.train).flatten(1) - found.samples[number].flatten()).norm(dim=1)
        assert int(pixels.rows[number, 0]) == int(all_of_them.argmin())
        assert float(pixels.distances[number, 0]) == pytest.approx(float(all_of_them.min()), abs=0.1)  # samples are rounded to bytes


def test_the_landscape_is_a_sweep_over_both_around_the_configuration(run: Path, tmp_path: Path) -> None:
    opened = open_best(run)
    file = landscapes.write_files(opened, tmp_path, kimg=0.5, plan={"objective": "fid", "mode": "min", "metrics": {"n_fake": 200}}, gpu=0)
    spec = load_sweep(str(file))
    assert spec.budget.trials == 20
    assert spec.scheduler.kind == "none"
    assert spec.metrics["n_fake"] == 200
    config = spec.config({"lr_ratio": 0.1, "k": 5})
    differing = {name for name, value in config.flat().items() if value != opened.config.flat()[name]}
    assert differing == {"lr_ratio", "k"}


def test_a_landscape_has_its_holes_where_nothing_was_trained() -> None:
    class Trial:
        def __init__(self, k: int, ratio: float, *fids: float) -> None:
            self.params = {"k": k, "lr_ratio": ratio}
            self.points = [{"kimg": float(at), "fid": fid, "d_loss": fid / 100} for at, fid in enumerate(fids, 1)]

    class Record:
        objective = ("fid", "min")
        trials = (Trial(1, 0.1, 50, 30, 40, 60), Trial(1, 1.0, 20, 10), Trial(5, 0.1, 80), Trial(5, 1.0))

    found = landscapes.landscape(Record(), (1, 1.0), None)  # type: ignore[arg-type]
    assert (found.ks, found.ratios) == ((1, 5), (0.1, 1.0))
    assert found.quality[0] == (30.0, 10.0)
    assert found.d_loss[0][0] == pytest.approx(0.6), "the mean over the last quarter"
    assert found.quality[1][0] == 80
    assert np.isnan(found.quality[1][1])


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli._run(list(arguments), debug=True) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["optimal-discriminator", "--steps", "10"], ["optimal-discriminator.png", "optimal-discriminator.csv"]),
        (["features", "--n", "16"], ["features.png", "features-3d.png", "features.csv"]),
        (
            ["latent", "--sum", "1,2 - 3"],
            ["latent-samples.png", "latent-ways.png", "latent-coordinates.png", "latent-sum-1.png", "latent.csv"],
        ),
        (["neighbours", "--n", "16"], ["neighbours.png", "neighbours.csv"]),
    ],
)
def test_each_verb_writes_its_picture_and_its_data(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], files: list[str]
) -> None:
    verb, *more = arguments
    out = said(capsys, "probe", verb, str(run), *more, "--out", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)
    assert all(str(tmp_path / name) in out for name in files)
    assert len(pd.read_csv(tmp_path / files[-1])) > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["latent", "--between", "1"], "--between"),
        (["latent", "--coordinates", "99"], "from 0 to 7"),
        (["latent", "--sum", "70"], "numbered from 0 to 63"),
        (["features", "--n", "5000"], "held-out"),
        (["landscape", "--kimg", "0"], "--kimg"),
    ],
)
def test_mistakes_are_named_and_write_nothing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    verb, *more = arguments
    assert cli._run(["probe", verb, str(run), *more, "--out", str(tmp_path / "out")], debug=False) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_probes_that_need_pictures_of_noise_refuse_the_rest(tmp_path: Path) -> None:
    ring = trained(tmp_path / "ring", "gan", 0.2, "ring8")
    with pytest.raises(UserError, match="no pictures"):
        Latent(load_generator(ring / "generator.safetensors"))
    with pytest.raises(UserError, match="no pictures"):
        neighbours(open_best(ring))
    pairs = open_best(trained(tmp_path / "pairs", "pix2pix", 0.2, "mnist5k_edges"))
    with pytest.raises(UserError, match="more than one picture"):
        features(pairs)


def test_a_kept_checkpoint_is_kept_again_after_a_death_before_it_was(tmp_path: Path) -> None:
    folder = trained(tmp_path)
    kept = sorted(path.name for path in folder.glob("kimg_*.pt"))
    assert kept == ["kimg_000000.500.pt"]
    plan = TrialPlan.from_json(json.loads((folder / "plan.json").read_text()) | {"keep": [1.0]})
    Trial(plan)
    assert (folder / "kimg_000001.000.pt").is_file()


def test_opened_knows_where_it_stands(run: Path) -> None:
    opened = open_best(run)
    assert isinstance(opened, Opened)
    assert opened.trainer().kimg == opened.kimg

"""A trial on queries from its first step to its score: what does not fit rankings is left out, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gantune.families.base import Samples
from gantune.generator_file import load_generator
from gantune.pictures import CELL, sheet, write_npz
from gantune.single import plan_run, run_plan
from gantune.trial import score


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """`gantune train irgan`, briefly."""
    runs = tmp_path_factory.mktemp("runs")
    sets = ["lr_g=0.1", "batch=50", "pretrain_kimg=1", "hidden=8"]
    plan, _ = plan_run("irgan", kimg=2, data=None, sets=sets, report_every=0.5, from_run=None, out=None, threads=1, runs=runs)
    points = []
    run_plan(plan, lambda trial: None, lambda point, equilibrium: points.append(point))
    return plan, points


def test_a_run_is_judged_by_its_ranking(trained):
    plan, points = trained
    assert (plan.objective, plan.mode, plan.data) == ("ndcg_at_5", "max", "digits_retrieval")
    assert all({"ndcg_at_5", "precision_at_5", "d_loss", "d_loss_heldout", "g_loss"} <= point.keys() for point in points)
    assert not {"fid", "fid_best", "c2st_loss"} & points[-1].keys()
    assert points[-1]["ndcg_at_5"] > 0.4


def test_its_score_is_of_the_other_half_of_the_held_out_queries(trained):
    plan, _ = trained
    first, second = (score(plan, seed=seed, n=2000) for seed in (1, 2))
    assert first == second, "the same queries, and nothing is drawn"
    assert first["provenance"]["n_queries"] == 400
    assert first["controls"] == {}
    assert first["floor"]["ndcg_at_5"] == 1
    assert first["floor"]["precision_at_5_random"] == pytest.approx(0.2)


def test_its_generator_ranks_from_its_file(trained, tmp_path: Path):
    plan, _ = trained
    samples = load_generator(Path(plan.folder) / "generator.safetensors").sample(30)
    assert samples.x.shape == samples.y.shape == (30, 50)
    write_npz(tmp_path / "scores.npz", samples.x)
    assert np.load(tmp_path / "scores.npz")["features"].shape == (30, 50)


def test_a_ranking_is_pictured_by_its_relevance():
    scores, relevance = torch.tensor([[0.1, 0.3, 0.2, 9.0]]), torch.tensor([[0, 1, 2, -1]])
    pixels = sheet(Samples(scores, relevance))
    assert pixels.shape == (CELL, 4 * CELL, 1)
    assert pixels[0, ::CELL, 0].tolist() == [142, 255, 30, 127]  # first the document scored .3, of relevance 1; at the end padding

"""Precision and NDCG against scikit-learn and by hand; the evaluator of rankings."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from toys import dataset_for

from gantune.errors import UserError
from gantune.families.base import Samples
from gantune.metrics import Evaluator, MetricSettings, RankingEvaluator, open_evaluator
from gantune.metrics.ranking import expected_at_random, ndcg_at, precision_at, ranking
from gantune.signals import SIGNALS

CPU = torch.device("cpu")


def test_by_hand():
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.3]])
    relevance = torch.tensor([[2, 0, 1, 0]])  # in order of score: 0, 1, 0, 2
    assert precision_at(3, scores, relevance).item() == pytest.approx(1 / 3)
    dcg = 1 / math.log2(3)
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    assert ndcg_at(3, scores, relevance).item() == pytest.approx(dcg / ideal)
    assert ndcg_at(4, scores, relevance).item() == pytest.approx((dcg + 3 / math.log2(5)) / ideal)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_ndcg_is_that_of_scikit_learn_for_its_gains(k):
    from sklearn.metrics import ndcg_score

    source = torch.Generator().manual_seed(k)
    scores = torch.randn(50, 12, generator=source)
    relevance = torch.randint(0, 5, (50, 12), generator=source)
    theirs = [ndcg_score(2.0 ** r[None] - 1, s[None], k=k) for r, s in zip(relevance.numpy(), scores.numpy(), strict=True)]
    assert np.allclose(ndcg_at(k, scores, relevance), theirs)


def test_padding_takes_no_place():
    source = torch.Generator().manual_seed(0)
    scores, relevance = torch.randn(30, 7, generator=source), torch.randint(0, 3, (30, 7), generator=source)
    relevance[:, 0] = 1
    first = torch.full((30, 2), 1e9)
    padded = torch.cat([first, scores, first], 1), torch.cat([-torch.ones(30, 2), relevance, -torch.ones(30, 2)], 1).long()
    for measure in (precision_at, ndcg_at):
        assert torch.equal(measure(5, *padded), measure(5, scores, relevance))
    worst = ranking(torch.tensor([[-torch.inf, 1.0, 0.0]]), torch.tensor([[1, -1, 0]]))
    assert worst.tolist() == [[0, 1, -1]]


def test_fewer_documents_than_places():
    scores, relevance = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[1, 0, -1]])
    assert precision_at(5, scores, relevance).item() == pytest.approx(1 / 5)
    assert ndcg_at(5, scores, relevance).item() == 1


def test_ties_stand_in_the_order_given():
    scores = torch.zeros(1, 40)
    relevance = torch.zeros(1, 40, dtype=torch.int64)
    relevance[0, 3] = 1
    assert ndcg_at(5, scores, relevance).item() == pytest.approx(1 / math.log2(5))
    assert precision_at(3, scores, relevance).item() == 0


def test_a_query_without_a_relevant_document_has_no_ndcg():
    assert ndcg_at(5, torch.zeros(1, 3), torch.zeros(1, 3)).isnan().all()


def test_random_orders_read_their_expectation():
    source = torch.Generator().manual_seed(1)
    relevance = torch.randint(-1, 3, (40, 9), generator=source)
    relevance[:, 0] = 2
    expected = expected_at_random(5, relevance)
    orders = [torch.rand(40, 9, generator=source) for _ in range(2000)]
    for measure, value in zip((precision_at, ndcg_at), expected, strict=True):
        assert value == pytest.approx(float(torch.stack([measure(5, order, relevance).mean() for order in orders]).mean()), abs=0.005)


@pytest.fixture
def evaluator():
    return RankingEvaluator(dataset_for("queries"), MetricSettings(n_fake=100))


def test_the_evaluator_reads_one_for_the_best_order_and_carries_its_settings(evaluator):
    data = dataset_for("queries")
    best = evaluator(Samples(data.heldout_labels.float(), data.heldout_labels))
    assert best["ndcg_at_5"] == 1
    assert best.keys() <= SIGNALS.keys()
    assert best.items() <= evaluator.floor.items()
    assert evaluator.floor["ndcg_at_5_random"] < 0.8
    assert evaluator.provenance["n_queries"] == 100
    assert evaluator.c2st_controls(Samples(torch.zeros(100, 8))) == {}


def test_scores_that_are_no_numbers_make_every_metric_nan(evaluator):
    data = dataset_for("queries")
    metrics = evaluator(Samples(torch.full((100, 8), math.inf), data.heldout_labels))
    assert metrics.keys() == {"precision_at_5", "ndcg_at_5"}
    assert all(math.isnan(value) for value in metrics.values())
    with pytest.raises(ValueError, match="100, 8"):
        evaluator(Samples(torch.zeros(99, 8), data.heldout_labels[:99]))


def test_the_data_choose_the_evaluator():
    assert isinstance(open_evaluator(dataset_for("queries"), MetricSettings(), CPU), RankingEvaluator)
    assert isinstance(open_evaluator(dataset_for("points"), MetricSettings(n_fake=50), CPU), Evaluator)


@pytest.mark.parametrize(
    ("settings", "said"), [({"extractor": "raw"}, "leave extractor out"), ({"n_real": 10}, "n_real"), ({"weights": "x.pt"}, "weights")]
)
def test_settings_of_pictures_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        RankingEvaluator(dataset_for("queries"), MetricSettings(**settings))

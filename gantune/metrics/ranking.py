"""Measures of a ranking: precision and normalised discounted cumulative gain of the documents ranked first.

Scores and relevance are (n, M) for n queries; a document of relevance -1 is padding and takes no place in the ranking. Documents of equal
score stand in the order in which they are given, padding aside, so that a value never depends on how a machine sorts.
"""

from __future__ import annotations

import torch
from torch import Tensor


def ranking(scores: Tensor, relevance: Tensor) -> Tensor:
    """(n, M) the relevance of the documents from the first to the last, padding behind them all."""
    by_score = scores.double().masked_fill(relevance < 0, -torch.inf)
    order = torch.sort(by_score, dim=1, descending=True, stable=True).indices
    order = order.gather(1, torch.sort((relevance < 0).gather(1, order).byte(), dim=1, stable=True).indices)  # behind a score of -inf
    return relevance.gather(1, order)


def precision_at(k: int, scores: Tensor, relevance: Tensor) -> Tensor:
    """(n,) share of the first `k` documents that are relevant (above 0). A query of fewer documents can only miss the rest."""
    return (ranking(scores, relevance)[:, :k] > 0).double().sum(1) / k


def ndcg_at(k: int, scores: Tensor, relevance: Tensor) -> Tensor:
    """(n,) sum over the first `k` places i = 1, 2, ... of (2^relevance - 1) / log2(1 + i), over that of the best order; NaN for a
    query without a relevant document, which no order serves better than another (Burges et al. 2005; Järvelin & Kekäläinen 2002)."""
    gained, best = (_dcg(ranking(by, relevance)[:, :k]) for by in (scores, relevance))
    return gained / best


def expected_at_random(k: int, relevance: Tensor) -> tuple[float, float]:
    """Precision and NDCG at `k` that a random order has in expectation, means over the queries."""
    real, relevant = (relevance >= 0).sum(1), (relevance > 0).sum(1)
    places = torch.arange(1, min(k, relevance.shape[1]) + 1, device=relevance.device)
    discounts = torch.where(places <= real[:, None], 1 / torch.log2(places + 1.0), 0).double().sum(1)
    gain = _gains(relevance).sum(1) / real
    best = _dcg(ranking(relevance, relevance)[:, :k])
    precision = relevant / real * real.clamp_max(k) / k
    return float(precision.double().mean()), float((gain * discounts / best).mean())


def _gains(relevance: Tensor) -> Tensor:
    return torch.exp2(relevance.clamp_min(0).double()) - 1


def _dcg(ranked: Tensor) -> Tensor:
    """Of relevance (n, k) in the order of the ranking."""
    places = torch.arange(1, ranked.shape[1] + 1, device=ranked.device)
    return (_gains(ranked) / torch.log2(places + 1.0)).sum(1)

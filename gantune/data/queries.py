"""Queries with their documents in the cache: one tensor file that holds both splits, the relevance and the hash of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gantune.data.cache import cached
from gantune.data.dataset import Dataset, content_hash
from gantune.data.tensorfile import Array, create

PADDING = -1  # the relevance of a document that is none


@dataclass(frozen=True)
class Query:
    """The documents of one query."""

    features: Array  # (m, F) float32
    relevance: Array  # (m,) int64: above 0 relevant, 0 not, or not known to be


def dataset_of_queries(
    name: str, path: Path, make: Callable[[], tuple[Sequence[Query], Sequence[Query]]], about: Mapping[str, str]
) -> Dataset:
    """The data set kept at `path`; where it is not there yet, from the training and the held-out queries that `make` gives.

    Features are standardised with the means and deviations of the training documents. Queries of fewer documents than the longest one
    are padded: features 0, relevance -1.
    """

    def build(path: Path) -> None:
        train, heldout = make()
        _write(path, train, heldout, about)

    arrays, _ = cached(path, build, about)
    x, y = torch.from_numpy(arrays["documents"]), torch.from_numpy(arrays["relevance"])
    n = len(x) - int(arrays["n_heldout"][0])
    return Dataset(name, (x.shape[1], x.shape[2]), x[:n], x[n:], arrays["sha256"].tobytes().hex(), y[:n], y[n:])


def is_ranking(query: Query) -> bool:
    """Whether an order can be right or wrong: a document is relevant, and another one less so."""
    return bool(query.relevance.max() > max(0, query.relevance.min()))


def _write(path: Path, train: Sequence[Query], heldout: Sequence[Query], about: Mapping[str, str]) -> None:
    every = [*train, *heldout]
    features, longest = every[0].features.shape[1], max(len(query.relevance) for query in every)
    documents = sum(len(query.relevance) for query in train)
    mean = sum(query.features.sum(0, dtype=np.float64) for query in train) / documents
    variance = sum(np.square(query.features - mean).sum(0) for query in train) / documents
    factor = np.divide(
        1, np.sqrt(variance), out=np.zeros_like(variance), where=variance > 1e-12
    )  # a feature that never varies says nothing
    shapes: dict[str, tuple[type, tuple[int, ...]]] = {
        "documents": (np.float32, (len(every), longest, features)),
        "relevance": (np.int64, (len(every), longest)),
        "sha256": (np.uint8, (32,)),
        "n_heldout": (np.int64, (1,)),
    }
    with create(path, shapes, about) as arrays:
        arrays["relevance"][...] = PADDING
        for row, query in enumerate(every):
            arrays["documents"][row, : len(query.relevance)] = (query.features - mean) * factor
            arrays["relevance"][row, : len(query.relevance)] = query.relevance
        arrays["n_heldout"][0] = len(heldout)
        digest = content_hash(arrays["documents"], arrays["relevance"])
        arrays["sha256"][...] = np.frombuffer(bytes.fromhex(digest), np.uint8)

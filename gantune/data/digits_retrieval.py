"""`digits_retrieval`: find digits of the query's class among others, of which few are known to be. Data that need no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gantune.data.dataset import Dataset
from gantune.data.queries import Query, dataset_of_queries
from gantune.data.tensorfile import Array
from gantune.errors import UserError

DOCUMENTS, RELEVANT, OBSERVED = 50, 10, 2  # of a query
POOL = 900  # digits that training queries are made of; held-out ones are made of the other 897
TRAIN, HELDOUT = 600, 800


def open_digits_retrieval(size: int, folder: Path) -> Dataset:
    """600 queries to train on and 800 held out, of 50 documents and 32 features, made of scikit-learn's 1,797 digits of 8 x 8 pixels.

    Ten documents are digits of the query's class: an order drawn at random has a precision of 0.2. In training only two of these ten,
    drawn at random, are observed to be relevant; of held-out queries all are known. Queries and documents of one split are digits
    that the other one does not hold. A document's features are, in each of 4 x 4 blocks of pixels, the distance between the query's
    ink and its own, and their product.
    """
    about = {"data": "digits_retrieval", "version": "1"}
    return dataset_of_queries("digits_retrieval", folder / "digits_retrieval.safetensors", _splits, about)


def _splits() -> tuple[list[Query], list[Query]]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError(
            "data digits_retrieval: its digits come with the package scikit-learn, which is not installed. Run: pip install scikit-learn"
        ) from None
    pixels, classes = load_digits(return_X_y=True)  # (1797, 64) in 0 ... 16
    random = np.random.RandomState(1797)
    order = random.permutation(len(pixels))
    ink = pixels[order].reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16) / 16  # (1797, 16) in [0, 1]
    classes = classes[order]
    train = _queries(ink[:POOL], classes[:POOL], TRAIN, OBSERVED, random)
    return train, _queries(ink[POOL:], classes[POOL:], HELDOUT, RELEVANT, random)


def _queries(ink: Array, classes: Array, count: int, observed: int, random: np.random.RandomState) -> list[Query]:
    made = []
    for query in range(count):  # every digit asks once at most
        alike = np.flatnonzero(classes == classes[query])
        same = random.choice(alike[alike != query], RELEVANT, replace=False)
        others = random.choice(np.flatnonzero(classes != classes[query]), DOCUMENTS - RELEVANT, replace=False)
        place = random.permutation(DOCUMENTS)
        theirs = ink[np.concatenate([same, others])[place]]  # (50, 16)
        features = np.concatenate([np.abs(theirs - ink[query]), theirs * ink[query]], 1).astype(np.float32)
        made.append(Query(features, (place < observed).astype(np.int64)))
    return made

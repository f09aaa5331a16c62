"""`letor:PATH`: rankings in the text form of LETOR and of SVMlight with queries, `RELEVANCE qid:QUERY INDEX:VALUE ... # comment`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gantune.data.dataset import Dataset
from gantune.data.queries import Query, dataset_of_queries, is_ranking
from gantune.errors import UserError

FEWEST, FEWEST_HELDOUT = 10, 2  # queries
HELDOUT_SHARE = 0.2
HIGHEST = 30  # relevance; its gain is 2 to that power
EXAMPLE = "2 qid:10 1:0.5 2:0.13 # document 7"


@dataclass
class _Documents:
    """The documents of one query as they are read: their features by index, from 1 on."""

    relevance: list[int] = field(default_factory=list)
    features: list[dict[int, float]] = field(default_factory=list)


def open_letor(where: str, size: int, cache: Path) -> Dataset:
    """The queries of a file, of which a fixed seed holds out a fifth, or of a folder with train.txt and test.txt (else vali.txt).

    Relevance above 0 is that of a positive; -1, with which LETOR's semi-supervised files say that a document was not judged, counts as 0.
    Queries none of whose documents is relevant, or all equally, are left out: no order serves them better than another. `UserError`
    when a file is missing, a line is malformed, or fewer than 10 queries are left.
    """
    root = Path(where).expanduser()
    files = _files(root, where)
    about = {"data": "letor", "version": "1", "files": _key(files)}

    def make() -> tuple[Sequence[Query], Sequence[Query]]:
        parts = [_read(file, f"data letor:{where}: ") for file in files]
        highest = max((index for part in parts for query in part for row in query.features for index in row), default=0)
        train, *rest = [[query for query in (_query(each, highest) for each in part) if is_ranking(query)] for part in parts]
        if not rest:
            order = np.random.RandomState(len(train)).permutation(len(train))
            n_heldout = max(FEWEST_HELDOUT, round(HELDOUT_SHARE * len(train)))
            rest = [[train[row] for row in order[len(train) - n_heldout :]]]
            train = [train[row] for row in order[: len(train) - n_heldout]]
        heldout = rest[0]
        if len(train) + len(heldout) < FEWEST or len(heldout) < FEWEST_HELDOUT or not train:
            raise UserError(
                f"data letor:{where}: {len(train)} queries to train on and {len(heldout)} held out are too few; it takes {FEWEST} or more, "
                f"{FEWEST_HELDOUT} of them held out, each with a relevant document and one that is less so."
            )
        return train, heldout

    return dataset_of_queries(f"letor:{where}", cache / f"letor-{about['files'][:16]}.safetensors", make, about)


def _files(root: Path, where: str) -> list[Path]:
    """One file, or the training and the held-out one."""
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise UserError(f"data letor:{where}: there is no such file or folder.")
    heldout = next((root / name for name in ("test.txt", "vali.txt") if (root / name).is_file()), None)
    if heldout is None or not (root / "train.txt").is_file():
        raise UserError(f"data letor:{where}: the folder holds no train.txt with a test.txt or vali.txt. Give such a folder, or one file.")
    return [root / "train.txt", heldout]


def _read(file: Path, where: str) -> list[_Documents]:
    """The queries of a file, in the order in which they appear."""
    queries: dict[str, _Documents] = {}
    for number, text in enumerate(_lines(file, where), 1):
        words = text.partition("#")[0].split()
        if not words:
            continue
        try:
            relevance, query, features = _parsed(words)
        except ValueError as error:
            raise UserError(f"{where}{file.name}, line {number}: {error}. A line reads such as: {EXAMPLE}") from None
        documents = queries.setdefault(query, _Documents())
        documents.relevance.append(max(0, relevance))
        documents.features.append(features)
    return list(queries.values())


def _lines(file: Path, where: str) -> Iterator[str]:
    try:
        with open(file, encoding="utf-8") as lines:
            yield from lines
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where}{file.name} cannot be read ({error}).") from None


def _parsed(words: list[str]) -> tuple[int, str, dict[int, float]]:
    """Relevance, query and features. Raises `ValueError` with what is wrong."""
    relevance = _number(words[0], "the relevance")
    if relevance != int(relevance) or not -1 <= relevance <= HIGHEST:
        raise ValueError(f"the relevance is a whole number from -1 to {HIGHEST}, got {words[0]}")
    if len(words) < 2 or not words[1].startswith("qid:") or words[1] == "qid:":
        raise ValueError(f"the second word is qid: and the query, got {words[1] if len(words) > 1 else 'nothing'}")
    features = {}
    for word in words[2:]:
        index, colon, value = word.partition(":")
        if not colon or not index.isdecimal() or index == "0":
            raise ValueError(f"a feature is INDEX:VALUE with an index from 1 on, got {word}")
        features[int(index)] = _number(value, f"feature {index}")
    return int(relevance), words[1], features


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{what} is a finite number, got {text or 'nothing'}")
    return value


def _query(documents: _Documents, highest: int) -> Query:
    features = np.zeros((len(documents.features), highest), np.float32)
    for row, given in enumerate(documents.features):
        for index, value in given.items():
            features[row, index - 1] = value
    return Query(features, np.array(documents.relevance, np.int64))


def _key(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        digest.update(f"{file.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()

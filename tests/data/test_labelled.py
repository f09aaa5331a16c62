"""labelled:PATH and attributes:PATH over real files, and what is said of those that will not do."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from gantune.data import Dataset, Form, form_of, open_dataset
from gantune.errors import UserError

CELEBA_TABLE = "list_attr_celeba.txt"


def fill(folder: Path, values: list[int]) -> Path:
    """A grey picture of each value, called after it."""
    folder.mkdir(parents=True, exist_ok=True)
    for value in values:
        Image.new("L", (20, 16), value).save(folder / f"{value:03d}.png")
    return folder


def rows(data: Dataset) -> dict[int, list[int] | int]:
    """The label of each picture by its grey value, over both splits."""
    examples, labels = torch.cat([data.train, data.heldout]), torch.cat([data.labels, data.heldout_labels])
    return {int(x[0, 0, 0]): y.tolist() for x, y in zip(examples, labels, strict=True)}


def test_a_folder_is_a_class_numbered_by_name(tmp_path: Path) -> None:
    where, cache = tmp_path / "in", tmp_path / "cache"
    fill(where / "b cats", [10, 11, 12, 13, 14, 15])
    fill(where / "a dogs" / "deeper", [1, 2, 3, 4, 5, 6])
    data = open_dataset(f"labelled:{where}", 8, cache)
    assert data.form == Form((1, 8, 8), classes=2, names=("a dogs", "b cats"))
    assert rows(data) == {value: int(value >= 10) for value in [1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15]}
    assert data.labels.dtype == torch.int64
    again = open_dataset(f"labelled:{where}", 8, cache)
    assert (again.form, again.fingerprint) == (data.form, data.fingerprint)
    assert len(list(cache.rglob("*.safetensors"))) == 1
    fill(where / "b cats", [16])
    assert len(rows(open_dataset(f"labelled:{where}", 8, cache))) == 13, "a new picture is seen"


def test_train_and_test_are_splits_and_no_classes(tmp_path: Path) -> None:
    where = tmp_path / "in"
    for split, start in (("train", 0), ("test", 100)):
        fill(where / split / "cat", list(range(start, start + 9)))
        fill(where / split / "dog", list(range(start + 20, start + 26)))
    data = open_dataset(f"labelled:{where}", 8, tmp_path / "cache")
    assert data.form.names == ("cat", "dog")
    assert (len(data.train), len(data.heldout)) == (15, 15)
    assert data.train.max() < 100 <= data.heldout.min()
    assert rows(data) == {value: int(value % 100 >= 20) for value in [*range(9), *range(20, 26), *range(100, 109), *range(120, 126)]}


def test_bad_class_folders_are_refused(tmp_path: Path) -> None:
    def refused(said: str) -> None:
        with pytest.raises(UserError, match=said):
            open_dataset(f"labelled:{tmp_path / 'in'}", 8, tmp_path / "cache")

    refused("no such folder")
    fill(tmp_path / "in", list(range(10)))
    refused(r"no class folders, only pictures.*folder:")
    fill(tmp_path / "in" / "one", list(range(10)))
    refused(r"000\.png lies in no class folder")
    for file in (tmp_path / "in").glob("*.png"):
        file.unlink()
    refused(r"the one class folder one, and it takes two or more")
    fill(tmp_path / "in" / "two", [0])
    (tmp_path / "in" / "two" / "000.png").write_bytes(b"nothing")
    refused(r"two/000\.png: cannot be read")
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    fill(tmp_path / "few" / "a", [1])
    fill(tmp_path / "few" / "b", [2, 3])
    with pytest.raises(UserError, match="3 pictures are too few"):
        open_dataset(f"labelled:{tmp_path / 'few'}", 8, tmp_path / "cache")


def csv(values: list[int], no: int = 0) -> str:
    """Attributes `even` and `large` of each value."""
    yes = {True: "1", False: str(no)}
    return "file,even,large\n" + "".join(f"{value:03d}.png,{yes[value % 2 == 0]},{yes[value > 5]}\n" for value in values)


def celeba(values: list[int]) -> str:
    lines = csv(values, no=-1).replace(",", "  ").splitlines()
    return "\n".join([str(len(values)), lines[0].removeprefix("file"), *lines[1:]]) + "\n"


def write_birds(folder: Path, values: list[int]) -> None:
    """The files of Caltech-UCSD Birds: numbers for pictures and attributes, and lines with more than they should hold."""
    fill(folder / "images" / "001.Albatross", values)
    (folder / "images.txt").write_text("".join(f"{value + 1} 001.Albatross/{value:03d}.png\n" for value in values))
    (folder.parent / "attributes.txt").write_text("1 even\n2 large\n")
    lines = (f"{value + 1} {number} {int(has)} 3 1.5\n" for value in values for number, has in ((1, value % 2 == 0), (2, value > 5)))
    (folder / "attributes").mkdir()
    (folder / "attributes" / "image_attribute_labels.txt").write_text("".join(lines).replace("3 1.5\n", "3 0 1.5\n", 1))


@pytest.mark.parametrize("kind", ["csv", "csv with -1", "named", "celeba", "birds"])
def test_attributes_come_from_a_table(tmp_path: Path, kind: str) -> None:
    where, values = tmp_path / "in", list(range(12))
    place = where
    if kind == "birds":
        where.mkdir()
        write_birds(where, values)
    else:
        fill(where / "pictures", values)
        name = CELEBA_TABLE if kind == "celeba" else "mine.csv"
        (where / name).write_text(celeba(values) if kind == "celeba" else csv(values, no=-1 if "-1" in kind else 0))
        if kind == "named":
            (where / "other.csv").write_text("of something else")
            place = where / name
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = open_dataset(f"attributes:{place}", 8, tmp_path / "cache")
    assert data.form == Form((1, 8, 8), attributes=2, names=("even", "large"))
    assert data.labels.dtype == torch.uint8
    assert rows(data) == {value: [int(value % 2 == 0), int(value > 5)] for value in values}
    assert form_of(f"attributes:{place}").attributes


def test_what_the_table_leaves_out_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (fill(tmp_path / "in", list(range(13))) / "attributes.csv").write_text(csv(list(range(12))))
    with pytest.warns(UserWarning, match=r"leaves out 1 of 13 pictures, such as .*012\.png"):
        data = open_dataset(f"attributes:{tmp_path / 'in'}", 8, tmp_path / "cache")
    assert set(rows(data)) == set(range(12))
    (tmp_path / "in" / "attributes.csv").write_text(csv(list(range(13))))
    assert set(rows(open_dataset(f"attributes:{tmp_path / 'in'}", 8, tmp_path / "cache"))) == set(range(13)), "a new table is read"


GOOD = csv(list(range(12)))
BAD_TABLES = [
    ("no table", None, r"holds no table of attributes\. Put attributes\.csv"),
    ("empty", "", "names each attribute once, got none"),
    ("no attributes", "file\n000.png\n", "names each attribute once, got none"),
    ("a name twice", GOOD.replace("large", "even"), "names each attribute once, got even, even"),
    ("no rows", "file,even\n", "has no rows"),
    ("short", GOOD.replace("003.png,0,0", "003.png,0"), r"line 5: 1 values for 2 attributes"),
    ("no number", GOOD.replace("003.png,0,0", "003.png,maybe,0"), r"line 5: got 'maybe'.*0 or 1"),
    ("both", GOOD.replace("003.png,0,0", "003.png,-1,0"), "has both 0 and -1"),
    ("twice", GOOD + "003.png,0,0\n", r"line 14: 003\.png has a row already, in line 5"),
    ("missing", GOOD + "077.png,0,0\n078.png,0,0\n", r"077\.png: there is no such picture below .*nor are there 1 others of its 14"),
]


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in BAD_TABLES], ids=[case[0] for case in BAD_TABLES])
def test_bad_tables_are_refused_with_the_line(tmp_path: Path, text: str | None, said: str) -> None:
    where = fill(tmp_path / "in", list(range(12)))
    if text is not None:
        (where / "attributes.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        open_dataset(f"attributes:{where}", 8, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_a_name_that_two_pictures_have_must_be_a_path(tmp_path: Path) -> None:
    where = fill(tmp_path / "in", list(range(12)))
    fill(where / "deeper", [3])
    (where / "attributes.csv").write_text(GOOD)
    with pytest.raises(UserError, match=r"003\.png: 2 pictures are called that"):
        open_dataset(f"attributes:{where}", 8, tmp_path / "cache")
    (where / "attributes.csv").write_text(GOOD.replace("003.png", "deeper/003.png"))
    with pytest.warns(UserWarning, match="leaves out 1"):
        open_dataset(f"attributes:{where}", 8, tmp_path / "cache")


def test_tables_of_published_forms_are_checked(tmp_path: Path) -> None:
    where = fill(tmp_path / "in", list(range(12)))
    (where / "a.csv").write_text(GOOD)
    (where / "b.csv").write_text(GOOD)
    with pytest.raises(UserError, match=r"holds 2 tables, a\.csv, b\.csv\. Give one: attributes:.*a\.csv"):
        open_dataset(f"attributes:{where}", 8, tmp_path / "cache")
    (where / CELEBA_TABLE).write_text(celeba(list(range(12))).replace("12\n", "13\n", 1))
    with pytest.raises(UserError, match=r"line 1: announces 13, and 12 rows follow"):
        open_dataset(f"attributes:{where}", 8, tmp_path / "cache")
    birds = tmp_path / "birds"
    birds.mkdir()
    write_birds(birds, list(range(12)))
    table = birds / "attributes" / "image_attribute_labels.txt"
    whole = table.read_text()
    for text, said in (
        (whole.replace("4 1 0", "4 1 maybe", 1), r"line \d: got '4 1 maybe"),
        (whole + "99 1 0 1 1\n", "images.txt has no image 99"),
        (whole.rsplit("\n", 2)[0] + "\n", "image 12 has 1 of 2 attributes"),
    ):
        table.write_text(text)
        with pytest.raises(UserError, match=said):
            open_dataset(f"attributes:{birds}", 8, tmp_path / "cache")

"""Data of queries: what digits_retrieval holds, and how LETOR's text is read and refused."""

from __future__ import annotations

import pytest
import torch

from gantune.config import Config
from gantune.data import form_of, open_dataset
from gantune.errors import UserError
from gantune.families import open_family
from gantune.metrics.ranking import precision_at


def test_digits_retrieval_observes_two_of_ten_in_training_and_all_held_out(tmp_path):
    data = open_dataset("digits_retrieval", cache=tmp_path)
    assert (data.train.shape, data.heldout.shape) == ((600, 50, 32), (800, 50, 32))
    assert data.form.is_queries
    assert set(data.labels.sum(1).tolist()) == {2}
    assert set(data.heldout_labels.sum(1).tolist()) == {10}
    assert data.train.mean((0, 1)).abs().max() < 1e-4
    assert (data.train.std((0, 1)) - 1).abs().max() < 1e-3


def test_digits_retrieval_is_the_same_each_time_it_is_made(tmp_path):
    one, two = (open_dataset("digits_retrieval", cache=tmp_path / name) for name in "ab")
    assert one.fingerprint == two.fingerprint
    assert torch.equal(one.train, two.train)
    assert torch.equal(one.labels, two.labels)
    assert torch.equal(one.heldout, open_dataset("digits_retrieval", cache=tmp_path / "a").heldout)


def test_a_distance_ranks_digits_better_than_chance_and_not_perfectly(tmp_path):
    data = open_dataset("digits_retrieval", cache=tmp_path)
    nearest = float(precision_at(5, -data.heldout[..., :16].sum(2), data.heldout_labels).mean())
    assert 0.6 < nearest < 0.9
    family = open_family("irgan")
    config = Config.of(family, "digits_retrieval", {})
    untrained = []
    for seed in range(20):
        torch.manual_seed(seed)
        g = family.build(config.arch, data.form).g
        with torch.no_grad():
            untrained.append(float(precision_at(5, g(data.heldout), data.heldout_labels).mean()))
    assert sum(untrained) / 20 == pytest.approx(0.2, abs=0.08)


def lines(queries: int, start: int = 0) -> str:
    return "".join(
        f"2 qid:{q} 1:{q} 3:0.5 # best\n0 qid:{q} 1:1 2:0.25\n" + (f"-1 qid:{q} 2:1\n" if q % 2 else "")
        for q in range(start, start + queries)
    )


def test_a_letor_file_is_split_by_queries_and_padded(tmp_path):
    (tmp_path / "all.txt").write_text("\n" + lines(20))
    data = open_dataset(f"letor:{tmp_path}/all.txt", cache=tmp_path)
    assert (data.train.shape, data.heldout.shape) == ((16, 3, 3), (4, 3, 3))
    y, x = torch.cat([data.labels, data.heldout_labels]), torch.cat([data.train, data.heldout])
    assert sorted(map(tuple, y.tolist())) == [(2, 0, -1)] * 10 + [(2, 0, 0)] * 10
    assert (x[y < 0] == 0).all()
    real = data.train[data.labels >= 0]
    assert real.mean(0).abs().max() < 1e-5
    assert torch.equal(data.train, open_dataset(f"letor:{tmp_path}/all.txt", cache=tmp_path / "other").train)
    assert form_of(f"letor:{tmp_path}/all.txt").is_queries


@pytest.mark.parametrize("heldout", ["test.txt", "vali.txt"])
def test_a_letor_folder_keeps_its_own_split(tmp_path, heldout):
    (tmp_path / "train.txt").write_text(lines(9))
    (tmp_path / heldout).write_text(lines(3, start=9))
    data = open_dataset(f"letor:{tmp_path}", cache=tmp_path)
    assert (len(data.train), len(data.heldout)) == (9, 3)


def test_a_changed_file_is_read_again(tmp_path):
    file = tmp_path / "all.txt"
    file.write_text(lines(12))
    before = open_dataset(f"letor:{file}", cache=tmp_path)
    file.write_text(lines(15))
    assert open_dataset(f"letor:{file}", cache=tmp_path).fingerprint != before.fingerprint


def test_queries_that_no_order_serves_better_are_left_out(tmp_path):
    (tmp_path / "all.txt").write_text(lines(12) + "0 qid:a 1:1\n0 qid:a 1:2\n1 qid:b 1:1\n1 qid:b 1:2\n")
    data = open_dataset(f"letor:{tmp_path}/all.txt", cache=tmp_path)
    assert len(data.train) + len(data.heldout) == 12


BAD = [
    ("x qid:1 1:1", "the relevance is a finite number, got x"),
    ("0.5 qid:1 1:1", "the relevance is a whole number from -1 to 30, got 0.5"),
    ("31 qid:1 1:1", "got 31"),
    ("1 1:1", "the second word is qid:"),
    ("1", "got nothing"),
    ("1 qid:1 1=3", "INDEX:VALUE with an index from 1 on, got 1=3"),
    ("1 qid:1 0:3", "got 0:3"),
    ("1 qid:1 2:", "feature 2 is a finite number, got nothing"),
    ("1 qid:1 2:nan", "feature 2 is a finite number, got nan"),
]


@pytest.mark.parametrize(("line", "said"), BAD)
def test_a_malformed_line_is_named_with_its_number(tmp_path, line, said):
    (tmp_path / "all.txt").write_text(f"{lines(1)}{line}\n")
    with pytest.raises(UserError, match=r"all\.txt, line 3: .*A line reads such as") as caught:
        open_dataset(f"letor:{tmp_path}/all.txt", cache=tmp_path)
    assert said in str(caught.value)


def test_missing_and_small_data_are_refused(tmp_path):
    for path, said in ((tmp_path / "none.txt", "no such file or folder"), (tmp_path, "no train.txt with a test.txt or vali.txt")):
        with pytest.raises(UserError, match=said):
            open_dataset(f"letor:{path}", cache=tmp_path)
    (tmp_path / "all.txt").write_text(lines(9))
    with pytest.raises(UserError, match="too few; it takes 10 or more"):
        open_dataset(f"letor:{tmp_path}/all.txt", cache=tmp_path)
    (tmp_path / "all.txt").write_bytes(b"1 qid:1 1:\xff\n")
    with pytest.raises(UserError, match="cannot be read"):
        open_dataset(f"letor:{tmp_path}/all.txt", cache=tmp_path)
    (tmp_path / "all.txt").write_text("")
    with pytest.raises(UserError, match="too few"):
        open_dataset(f"letor:{tmp_path}/all.txt", cache=tmp_path)


def test_families_and_data_that_do_not_fit_are_refused(tmp_path):
    queries = open_dataset("digits_retrieval", cache=tmp_path).form
    with pytest.raises(UserError, match=r"needs pictures or points, and data digits_retrieval has none"):
        Config.of(open_family("dcgan"), "digits_retrieval", {}).check_fits(queries)
    with pytest.raises(UserError, match=r"needs queries with their documents, and data mnist5k has none\. Use digits_retrieval"):
        Config.of(open_family("irgan"), "mnist5k", {}).check_fits(form_of("mnist5k"))
    with pytest.raises(UserError, match="holds documents, not pictures"):
        open_dataset("digits_retrieval", image_size=32, cache=tmp_path)

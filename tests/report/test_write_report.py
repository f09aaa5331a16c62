"""The files of a report: complete, typed, self-contained, escaped, rerunnable."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from spools import PROVENANCE, write_sweep

from gantune.errors import UserError
from gantune.report import write_report
from gantune.report.tables import escape
from gantune.tracking.record import SweepRecord

NAMES = {"index.html", "trials.parquet", "curves.parquet", "trials.csv", "table.md", "table.tex"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    write_report([SweepRecord.load(write_sweep(place / "dcgan-1"))], place / "out")
    return place / "out"


def _page(report: Path) -> str:
    """The page without plotly's own source."""
    return re.sub(r"<script>/\*\*.*?</script>", "", (report / "index.html").read_text(), flags=re.DOTALL)


def _figures(report: Path) -> dict[str, dict[str, object]]:
    found = re.search(r'id="figures">(.*?)</script>', _page(report), flags=re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_all_files_are_written_and_nothing_else(report: Path) -> None:
    assert {path.name for path in report.iterdir()} == NAMES


def test_page_needs_no_network(report: Path) -> None:
    page = _page(report)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "url(" not in page
    assert page.count("<img ") >= 4


def test_figures_hold_finite_numbers_and_cannot_end_the_script(report: Path) -> None:
    page = _page(report)
    found = re.search(r'id="figures">(.*?)</script>', page, flags=re.DOTALL)
    assert found
    assert "<" not in found[1]
    assert "NaN" not in found[1]
    assert {"curves", "landscape", "plain"} == set(re.findall(r'data-kind="(\w+)"', page))
    assert set(re.findall(r'data-figure="(\w+)"', page)) == set(_figures(report))


def test_finalists_pictures_are_labelled_by_setting_and_seed(report: Path) -> None:
    page = _page(report)
    for who in ("Canonical setting", *re.findall(r"<h3>(Trial \d{4})</h3>", page)):
        assert [re.findall(rf'alt="Samples of {who}, seed (\d+)"', page)] == [["1000", "1001", "1002"]]
    captions = re.findall(r"<figcaption>seed (\d+): FID [\d.]+<br>at 60 kimg</figcaption>", page)
    assert captions == ["1000", "1001", "1002"] * 3


def test_evidence_is_escaped(report: Path) -> None:
    trials = pyarrow.parquet.read_table(report / "trials.parquet")
    assert any(evidence and "rung" in evidence for evidence in trials["evidence"].to_pylist())
    assert "<while>" not in _page(report)


def test_loss_panel_has_the_line_and_both_losses(report: Path) -> None:
    panel = next(figure for figure in _figures(report).values() if "trials" in figure)
    assert panel["line"] == {"value": pytest.approx(0.693147, abs=1e-6), "label": "ln 2"}
    assert {"d_loss", "d_loss_heldout", "g_loss", "fid"} <= set(panel["has"])  # type: ignore[arg-type]


def test_trials_are_typed_and_csv_agrees(report: Path) -> None:
    table = pyarrow.parquet.read_table(report / "trials.parquet")
    assert table.num_rows == 24
    kinds = {
        name: table.schema.field(name).type for name in ("trial", "rank", "kimg", "rescored", "param.k", "param.lr_g", "param.optimiser")
    }
    assert list(kinds.values()) == [pa.string(), pa.int64(), pa.float64(), pa.float64(), pa.int64(), pa.float64(), pa.string()]
    assert pyarrow.csv.read_csv(report / "trials.csv").column_names == table.column_names


def test_curves_tell_missing_from_nan(tmp_path: Path) -> None:
    record = SweepRecord.load(write_sweep(tmp_path / "dcgan-1", trials=2, reports=3))
    record.trials[0].points[1].pop("fid")
    record.trials[0].points[2]["fid"] = float("nan")
    write_report([record], tmp_path / "out")
    fid = pyarrow.parquet.read_table(tmp_path / "out" / "curves.parquet")["fid"][:3]
    assert [fid[1].is_valid, fid[2].is_valid] == [False, True]


def test_markdown_and_latex_carry_the_same_rows(report: Path) -> None:
    markdown, latex = (report / "table.md").read_text(), (report / "table.tex").read_text()
    assert len(re.findall(r"^\| \d+ \|", markdown, flags=re.MULTILINE)) == len(re.findall(r"^\d+ & ", latex, flags=re.MULTILINE)) > 20
    assert r"lr\_ratio" in latex
    assert escape("50% of a_b & {c} ± 1~€") == r"50\% of a\_b \& \{c\} $\pm$ 1\textasciitilde{}?"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(report: Path, tmp_path: Path) -> None:
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"-output-directory={tmp_path}", str(report / "table.tex")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(("trials", "words"), [(0, "No trial has started"), (6, "2 of 6 trials have not ended")])
def test_unfinished_sweep_is_reported_as_such(tmp_path: Path, trials: int, words: str) -> None:
    write_report([SweepRecord.load(write_sweep(tmp_path / "dcgan-1", trials=trials, done=False, reports=4))], tmp_path / "out")
    page = _page(tmp_path / "out")
    assert "was interrupted" in page
    assert words in page


def test_report_is_rerun_in_place(tmp_path: Path) -> None:
    record = SweepRecord.load(write_sweep(tmp_path / "dcgan-1", trials=4))
    first = write_report([record], tmp_path / "out")
    before = [path.read_bytes() for path in first if path.suffix != ".html"]
    assert [path.read_bytes() for path in write_report([record], tmp_path / "out") if path.suffix != ".html"] == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES


def test_sweeps_are_ranked_only_where_settings_agree(tmp_path: Path) -> None:
    other = {**PROVENANCE, "n_fake": 500}
    records = [
        SweepRecord.load(write_sweep(tmp_path / "dcgan-1", trials=6)),
        SweepRecord.load(write_sweep(tmp_path / "dcgan-2", trials=6, seed=1)),
        SweepRecord.load(write_sweep(tmp_path / "dcgan-3", trials=6, seed=2, provenance=other)),
    ]
    write_report(records, tmp_path / "out")
    comparison = _page(tmp_path / "out").split('class="sweep"')[0]
    assert comparison.count("<tbody>") == 2
    assert "They differ in: generated images." in comparison


def test_balance_sweep_shows_each_configuration(tmp_path: Path) -> None:
    write_report([SweepRecord.load(write_sweep(tmp_path / "balance-1", trials=15, searches="balance", finalists=False))], tmp_path / "out")
    page = _page(tmp_path / "out")
    assert "Learning-rate balance over seeds" in page
    assert page.count("<h3>lr_ratio ") == 5


def test_higher_may_be_better(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "dcgan-1", trials=6)
    about = json.loads((folder / "sweep.json").read_text())
    about["spec"]["objective"] = {"metric": "recall", "mode": "max"}
    (folder / "sweep.json").write_text(json.dumps(about))
    write_report([SweepRecord.load(folder)], tmp_path / "out")
    assert "has the highest recall" in _page(tmp_path / "out")


def test_nothing_to_report_and_nowhere_to_write_are_the_users_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sweep"):
        write_report([], tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_report([SweepRecord.load(write_sweep(tmp_path / "dcgan-1", trials=1))], tmp_path / "file")


def test_thousand_trials_are_quick_and_small(tmp_path: Path) -> None:
    record = SweepRecord.load(write_sweep(tmp_path / "dcgan-1", trials=1000, reports=20, pictures=False))
    start = time.perf_counter()
    write_report([record], tmp_path / "out")
    assert time.perf_counter() - start < 20
    assert (tmp_path / "out" / "index.html").stat().st_size < 8e6
    assert len(next(figure for figure in _figures(tmp_path / "out").values() if "trials" in figure)["trials"]) == 60  # type: ignore[arg-type]

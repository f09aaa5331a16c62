"""The report on a sweep over several families."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.csv
import pytest
from spools import write_sweep

from gantune.report import write_report
from gantune.report.by_family import by_family
from gantune.report.equilibria import equilibrium_line
from gantune.report.finals import contenders, sentence
from gantune.report.repeat import commands
from gantune.report.rows import Sweep
from gantune.single import plan_run
from gantune.spec import load_sweep
from gantune.tracking.record import SweepRecord

PLAIN = {"kimg": 1.0, "data": None, "report_every": 1.0, "from_run": None, "out": None, "threads": 1}
FAMILIES = ("dcgan", "lsgan", "wgan_gp")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of dcgan's invented curves, told of three families in turn, the third of which has a penalty."""
    folder = write_sweep(tmp_path_factory.mktemp("zoo") / "zoo-1", trials=24)
    about = json.loads((folder / "sweep.json").read_text())
    zoo = load_sweep("zoo", sets=[f"family=[{', '.join(FAMILIES)}]"]).to_json()
    about["spec"] |= {"family": zoo["family"], "space": zoo["space"]}
    (folder / "sweep.json").write_text(json.dumps(about))
    lines = [json.loads(line) for line in (folder / "spool.jsonl").read_text().splitlines()]
    for event in (line for line in lines if line["kind"] == "trial"):
        family = FAMILIES[event["number"] % 3]
        more = {"penalty_weight": 10.0} if family == "wgan_gp" else {}
        event["params"] = {"family": family, **event["params"], **more}
        event["values"] |= more
        event["origin"] = "canonical" if event["number"] < 3 else "sampler"
    (folder / "spool.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    record = SweepRecord.load(folder)
    text = (folder / "spool.jsonl").read_text()
    (folder / "spool.jsonl").write_text(text.replace('"who": "canonical"', f'"who": "{record.canonical_runs}"'))
    return folder


@pytest.fixture(scope="module")
def sweep(folder: Path) -> Sweep:
    return Sweep.of(SweepRecord.load(folder))


def test_each_family_has_its_best_its_canonical_setting_and_its_counts(sweep: Sweep) -> None:
    found = by_family(sweep)
    assert {one.family for one in found} == set(FAMILIES)
    assert sum(len(one.rows) for one in found) == 24
    bests = [one.best.value for one in found if one.best and one.best.value is not None]
    assert bests == sorted(bests)
    assert found[0].best is sweep.best
    for one in found:
        assert one.canonical is not None
        assert one.canonical.record.params["family"] == one.family
        assert one.stopped_early == sum(row.record.reason not in ("budget", None) for row in one.rows)


def test_the_reference_is_the_canonical_setting_of_the_winners_family(sweep: Sweep) -> None:
    assert sweep.best is not None
    assert sweep.canonical is not None
    family = sweep.best.record.params["family"]
    assert sweep.canonical.record.params["family"] == family
    titles = {final.who: final.title for final in contenders(sweep)}
    assert titles["canonical"] == f"canonical setting of {family}"
    assert all(final.against is not None for final in contenders(sweep) if final.who != "canonical")
    for row in (row for row in sweep.rows if row.id in titles):
        assert titles[row.id] == f"trial {row.id} ({row.record.params['family']})"
    assert f"the canonical setting of {family}" in sentence(sweep, contenders(sweep))


def test_page_and_files_tell_the_families(folder: Path, tmp_path: Path, sweep: Sweep) -> None:
    write_report([SweepRecord.load(folder)], tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "<h2>The families</h2>" in page
    assert "dcgan, lsgan, wgan_gp on mnist5k" in page
    assert sweep.best is not None
    assert f"Trial {sweep.best.id} ({sweep.best.record.params['family']})" in page
    table = pyarrow.csv.read_csv(tmp_path / "trials.csv")
    assert set(table["family"].to_pylist()) == set(FAMILIES)
    assert "each family's best trial and canonical setting" in (tmp_path / "table.md").read_text()


def test_the_best_trial_is_repeated_as_its_family(sweep: Sweep) -> None:
    assert sweep.best is not None
    again = commands(sweep).splitlines()[-1]
    assert again.startswith(f"gantune train {sweep.best.record.params['family']} ")
    assert "family=" not in again


def test_the_best_trial_is_repeated_as_it_was_measured(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "dcgan-1", trials=3)
    about = json.loads((folder / "sweep.json").read_text())
    about["spec"]["metrics"] |= {"extractor": "raw", "n_fake": 500}
    (folder / "sweep.json").write_text(json.dumps(about))
    words = commands(Sweep.of(SweepRecord.load(folder))).splitlines()[-1]
    assert """--set 'metrics.extractor="raw"' --set metrics.n_fake=500""" in words
    plan, _ = plan_run("dcgan", sets=['metrics.extractor="raw"', "metrics.n_fake=500"], runs=tmp_path, **PLAIN)
    assert (plan.metrics["extractor"], plan.metrics["n_fake"]) == ("raw", 500)


def test_no_common_line_is_drawn_for_losses_of_several_kinds(sweep: Sweep) -> None:
    assert equilibrium_line(sweep).value is None
    assert "depends on the trial's family" in equilibrium_line(sweep).label


def test_a_sweep_of_one_family_has_no_such_table(tmp_path: Path) -> None:
    record = SweepRecord.load(write_sweep(tmp_path / "dcgan-1", trials=3))
    assert by_family(Sweep.of(record)) == []
    write_report([record], tmp_path / "out")
    assert "The families" not in (tmp_path / "out" / "index.html").read_text()

"""Ranking, counting and compute over invented sweeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spools import PROVENANCE, write_sweep

from gantune.report import words
from gantune.report.balance import configurations, searches_seed
from gantune.report.balance_words import headline
from gantune.report.compute import progress, spent
from gantune.report.equilibria import equilibrium_line
from gantune.report.finals import contenders, sentence, verdict
from gantune.report.numbers import mean_std, number, percent
from gantune.report.provenance import in_words
from gantune.report.rows import NO_VALUE, NOT_RESCORED, STOPPED_EARLY, Sweep
from gantune.report.section import Shelf, _floor, _importance, _reference, section
from gantune.report.summary import summary
from gantune.report.trial_table import KINDS, _trial
from gantune.report.words import MEANINGS
from gantune.stopping import Reason
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import Spool


def _sweep(folder: Path, **options: object) -> Sweep:
    return Sweep.of(SweepRecord.load(write_sweep(folder, pictures=False, **options)))  # type: ignore[arg-type]


def _rewrite(folder: Path, change: object) -> Sweep:
    """The sweep again after `change` (a function of an event) has been applied to its spool."""
    events = [json.loads(line) for line in (folder / "spool.jsonl").read_text().splitlines()]
    kept = [event for event in (change(event) for event in events) if event]  # type: ignore[operator]
    (folder / "spool.jsonl").write_text("".join(json.dumps(event) + "\n" for event in kept))
    return Sweep.of(SweepRecord.load(folder))


def test_rank_is_by_rescored_value(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "dcgan-1")
    ranked = [row for row in sweep.rows if row.rank]
    assert [row.rescored for row in ranked] == sorted(row.rescored for row in ranked if row.rescored is not None)
    assert sweep.best is not None
    assert sweep.record.best is not None
    assert sweep.best.id == sweep.record.best.id


def test_a_row_says_that_its_checkpoint_was_let_go(tmp_path: Path) -> None:
    _sweep(tmp_path / "dcgan-1")
    for id, name in (("0001", "last.pt"), ("0001", "best.pt"), ("0002", "last.pt")):
        with Spool(tmp_path / "dcgan-1") as spool:
            spool.append("let_go", trial=id, files=[name], bytes=7)
    sweep = Sweep.of(SweepRecord.load(tmp_path / "dcgan-1"))
    told = {row.id: _trial(row, sweep, False, [])["evidence"] for row in sweep.rows}
    assert told["0001"].endswith("; its checkpoint was let go to stay within storage.checkpoints_gb")
    assert "let go" not in told["0002"]


def test_values_with_other_settings_are_ranked_apart(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "dcgan-1")
    assert sweep.best is not None
    best = sweep.best.id

    def fewer(event: dict[str, object]) -> dict[str, object]:
        other = event["kind"] == "score" and event["trial"] == best
        return {**event, "provenance": {**PROVENANCE, "n_fake": 50}} if other else event

    split = _rewrite(tmp_path / "dcgan-1", fewer)
    assert split.best is not None
    assert split.best.id != best
    alone = next(rows for rows in split.groups.values() if [row.id for row in rows] == [best])
    assert alone[0].rank == 1


def test_unscored_and_valueless_trials_come_last(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "dcgan-1")
    last = sweep.rows[len(sweep.rows) // 2].id

    def drop(event: dict[str, object]) -> dict[str, object] | None:
        if event["kind"] == "score" and event["trial"] == last:
            return None
        if event["kind"] == "report" and event["trial"] == "0001":
            return {**event, "point": {**event["point"], "fid": "nan"}}  # type: ignore[dict-item]
        return None if event["kind"] == "score" and event["trial"] == "0001" else event

    groups = list(_rewrite(tmp_path / "dcgan-1", drop).groups)
    assert groups[1:] == [NOT_RESCORED, NO_VALUE]


def test_batch_norm_mode_and_average_belong_to_the_settings(tmp_path: Path) -> None:
    _sweep(tmp_path / "dcgan-1", trials=6)

    def other(event: dict[str, object]) -> dict[str, object]:
        batch = event["kind"] == "final" and event["who"] == "canonical"
        return {**event, "sampling": {"batch_norm": "batch", "ema_kimg": 0.0}} if batch else event

    finals = contenders(_rewrite(tmp_path / "dcgan-1", other))
    assert len({final.settings for final in finals}) == 2
    assert all(final.against is None for final in finals)


def test_saved_share_is_what_stopped_trials_left(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "dcgan-1")
    cost = spent(sweep)
    stopped = [row.record for row in sweep.rows if row.record.reason in STOPPED_EARLY]
    assert cost.stopped_early == len(stopped) > 5
    assert cost.saved_kimg == pytest.approx(sum(60 - trial.kimg for trial in stopped) / (60 * 24))
    assert cost.saved_seconds is not None
    assert 0 < cost.saved_seconds < 1
    assert sum(cost.reasons.values()) == 24


def test_every_reason_has_words_and_the_median_counts_as_an_early_stop(tmp_path: Path) -> None:
    assert set(MEANINGS) == {*Reason, "running", "interrupted"}
    assert set(KINDS) == {*Reason, "running", "interrupted"}
    before = spent(_sweep(tmp_path / "dcgan-1"))

    def median(event: dict[str, object]) -> dict[str, object]:
        return {**event, "reason": "median"} if event.get("reason") == "asha" else event

    after = spent(_rewrite(tmp_path / "dcgan-1", median))
    assert after.reasons["median"] == before.reasons["asha"] > 0
    assert (after.stopped_early, after.saved_kimg) == (before.stopped_early, before.saved_kimg)


def _canonical_cut_short(event: dict[str, object]) -> dict[str, object] | None:
    if event.get("trial") != "0000" or event["kind"] not in ("report", "end", "score"):
        return event
    if event["kind"] == "score":
        return {**event, "metrics": {"fid": 150.0}}
    if event["kind"] == "report":
        return event if event["point"]["kimg"] <= 12 else None  # type: ignore[index]
    return {**event, "state": "pruned", "reason": "asha", "kimg": 12.0}


def test_a_canonical_trial_that_was_cut_short_is_not_passed_off_as_the_canonical_setting(tmp_path: Path) -> None:
    _sweep(tmp_path / "dcgan-1")
    sweep = _rewrite(tmp_path / "dcgan-1", _canonical_cut_short)
    finals = contenders(sweep)
    again = next(final for final in finals if final.who == "canonical")
    assert again.summary is not None
    assert _reference(sweep, finals) == (again.summary.mean, f"canonical, re-run in full: {number(again.summary.mean)}")
    note = words.progress(sweep, progress(sweep), finals)
    assert "was stopped by ASHA at 12 of 60 kimg, with " in note
    assert f"re-run to 60 kimg with fresh seeds: {mean_std(again.summary.mean, again.summary.std)}" in note

    reference = _reference(sweep, [])
    assert reference is not None
    assert reference[1].endswith(", stopped by ASHA at 12 of 60 kimg")
    assert "which was stopped by ASHA at 12 of 60 kimg; trained in full it may do better" in words.progress(sweep, progress(sweep), [])
    assert "(stopped by ASHA at 12 of 60 kimg): one run each" in words.headline(sweep, "")


def test_a_canonical_trial_that_ran_to_its_end_needs_no_excuse(tmp_path: Path) -> None:
    _sweep(tmp_path / "dcgan-1")

    def ended(event: dict[str, object]) -> dict[str, object]:
        own = event["kind"] == "end" and event["trial"] == "0000"
        return {**event, "state": "complete", "reason": "budget"} if own else event

    sweep = _rewrite(tmp_path / "dcgan-1", ended)
    canonical = sweep.canonical
    assert canonical is not None
    assert canonical.best is not None
    assert _reference(sweep, contenders(sweep)) == (canonical.best, f"canonical {number(canonical.best)}")
    assert words.progress(sweep, progress(sweep), []).endswith("Dotted: the best of the canonical setting's trial 0000.")


def test_what_the_terminal_says_of_saved_compute_is_complete(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "dcgan-1")
    cost = spent(sweep)
    saved = f"Early stops saved {percent(cost.saved_seconds)} of the device seconds and {percent(cost.saved_kimg)} of the kimg"
    assert f"{saved} that all of them would have used at the full budget" in summary(sweep.record)[-1]

    def none_stopped(event: dict[str, object]) -> dict[str, object]:
        return {**event, "state": "complete", "reason": "budget"} if event["kind"] == "end" else event

    assert summary(_rewrite(tmp_path / "dcgan-1", none_stopped).record)[-1] == "Trials: 24 ran to the end."


def test_the_landscape_opens_on_the_parameters_that_matter_most(tmp_path: Path) -> None:
    shelf = Shelf()
    for trials, folder in ((24, "many-1"), (6, "few-1")):
        sweep = _sweep(tmp_path / folder, trials=trials)
        section(sweep, shelf, contenders(sweep), progress(sweep))
        scene = next(figure for figure in reversed(shelf.figures.values()) if "best" in figure)
        shares = list(_importance(sweep).shares)
        assert (scene["x"], scene["y"]) == (tuple(shares[:2]) if trials > 10 else ("lr_ratio", "k"))


def test_the_floor_says_how_many_examples_it_rests_on() -> None:
    [(_, text)] = _floor({"fid": 3.25}, {"n_floor": 1000, "n_fake": 4000})
    assert text == "fid 3.25; measured with 1,000 held-out examples, so that a value of 4,000 samples may lie below it"
    [(_, text)] = _floor({"fid": 3.25}, {"n_floor": 1000, "n_fake": 1000})
    assert text == "fid 3.25; measured with 1,000 held-out examples"


def test_rankings_are_measured_on_queries_and_stand_between_two_orders() -> None:
    settings = {"n_queries": 400, "n_floor": 800, "split": "heldout", "gain": "2^relevance - 1"}
    assert in_words(settings) == "400 held-out queries"
    [(label, text)] = _floor({"ndcg_at_5": 1.0, "ndcg_at_5_random": 0.2}, settings)
    assert label == "best order and a random one"
    assert text == "ndcg_at_5 1.00, ndcg_at_5_random 0.200; measured with 800 held-out examples"


def test_running_best_falls_and_compute_adds_up(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "dcgan-1")
    track, cost = progress(sweep), spent(sweep)
    assert track.is_ordered
    assert track.best == sorted(track.best, reverse=True)
    assert track.kimg == sorted(track.kimg)
    assert track.kimg[-1] == pytest.approx(cost.kimg)
    assert track.seconds[-1] == pytest.approx(cost.seconds)


def test_finalists_stand_against_the_canonical_setting(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "dcgan-1")
    finals = contenders(sweep)
    means = [final.summary.mean for final in finals if final.summary]
    assert means == sorted(means)
    assert len(finals) == 3
    assert all(len(final.values) == 3 for final in finals)
    assert verdict(finals[0], "min").endswith("better than canonical")
    assert verdict(finals[0], "max").endswith("worse than canonical")
    assert "3 fresh seeds" in sentence(sweep, finals)


def test_runs_that_failed_are_counted_beside_those_they_belong_to(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "dcgan-1")
    spool = folder / "spool.jsonl"
    lines = [json.loads(line) for line in spool.open()]
    best = contenders(Sweep.of(SweepRecord.load(folder)))[0].who
    for event in [event for event in lines if event["kind"] == "final" and event["who"] == best][1:]:
        event |= {"metrics": {}, "error": "out of memory", "provenance": {}, "floor": {}, "sampling": {}}
    spool.write_text("".join(json.dumps(event) + "\n" for event in lines))
    sweep = Sweep.of(SweepRecord.load(folder))
    finals = contenders(sweep)
    assert len(finals) == 3
    [final] = [final for final in finals if final.who == best]
    assert (len(final.values), len(final.failed)) == (1, 2)
    assert f"Re-run with one fresh seed (2 more failed), trial {best}" in sentence(sweep, [final, *finals])
    assert "One run on a side gives no interval" in sentence(sweep, [final, *finals])


def test_overlapping_finalists_are_no_evidence(tmp_path: Path) -> None:
    _sweep(tmp_path / "dcgan-1")

    def level(event: dict[str, object]) -> dict[str, object]:
        return {**event, "metrics": {"fid": 30.0 + int(str(event["seed"])) % 7}} if event["kind"] == "final" else event

    sweep = _rewrite(tmp_path / "dcgan-1", level)
    assert "no evidence of a difference" in sentence(sweep, contenders(sweep))


def test_failed_seed_is_named_and_other_settings_are_not_compared(tmp_path: Path) -> None:
    _sweep(tmp_path / "dcgan-1")

    def spoil(event: dict[str, object]) -> dict[str, object]:
        if event["kind"] == "final" and event["who"] == "canonical":
            return {**event, "provenance": {**PROVENANCE, "n_fake": 7}}
        return {**event, "metrics": {"fid": "nan"}} if event["kind"] == "final" and event["seed"] == 1000 else event

    sweep = _rewrite(tmp_path / "dcgan-1", spoil)
    runs = [final for final in contenders(sweep) if final.who != "canonical"]
    assert all(final.failed == (1000,) and final.against is None for final in runs)
    assert "no canonical run with the same settings" in sentence(sweep, runs)


def test_configurations_leave_the_seed_out(tmp_path: Path) -> None:
    sweep = _sweep(tmp_path / "balance-1", trials=15, searches="balance", finalists=False)
    assert searches_seed(sweep)
    found = configurations(sweep)
    assert [one.params for one in found] == [{"lr_ratio": ratio} for ratio in (0.01, 0.1, 0.25, 1.0, 5.0)]
    assert all(one.summary is not None and one.summary.n == 3 for one in found)
    best = min(found, key=lambda one: one.summary.mean if one.summary else 0)
    assert best.title in headline(sweep, found)


def test_plain_sweeps_search_no_seed(tmp_path: Path) -> None:
    assert not searches_seed(_sweep(tmp_path / "dcgan-1", trials=4))


@pytest.mark.parametrize(("family", "label"), [("dcgan", "ln 2"), ("wgan_gp", "equilibrium 0")])
def test_line_of_equilibrium_is_labelled(tmp_path: Path, family: str, label: str) -> None:
    sweep = _sweep(tmp_path / "some-1", trials=2, family=family)
    for row in sweep.rows:
        row.record.values.clear()
    assert equilibrium_line(sweep).label == label


def test_family_that_is_gone_has_no_line_and_says_so(tmp_path: Path) -> None:
    line = equilibrium_line(_sweep(tmp_path / "some-1", trials=2, family="./gone.py:Gone"))
    assert line.value is None
    assert "could not be opened" in line.label


@pytest.mark.parametrize(("ended", "running"), [((), "search"), (("search",), "score"), (("search", "score"), "finalists")])
def test_the_page_names_the_phase_that_runs_not_the_one_that_ended(tmp_path: Path, ended: tuple[str, ...], running: str) -> None:
    folder = write_sweep(tmp_path / "dcgan-1", pictures=False)
    (folder / "sweep.json").write_text(
        json.dumps({"spec": json.loads((folder / "sweep.json").read_text())["spec"] | {"finalists": {"top": 2}}})
    )
    sweep = _rewrite(folder, lambda event: None if event["kind"] == "phase" else event)
    with Spool(folder) as spool:
        spool.append("driver", segment=2)
        for phase in ended:
            spool.append("phase", phase=phase, seconds=1.0)
    assert words._phase(Sweep.of(SweepRecord.load(folder))) == running, sweep.name

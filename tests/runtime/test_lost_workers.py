"""Lost workers without Ray: what is written down first, who goes on, with how much, and that a replay of the spool knows the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_director import Stage, ends

from gantune.errors import UserError
from gantune.runtime.failures import Failure, Loss
from gantune.runtime.ledger import Ledger
from gantune.runtime.stopping import Halt
from gantune.tracking.record import SweepRecord
from gantune.tracking.spool import read
from gantune.tracking.store import freeze
from gantune.tracking.troubles import troubles

DIED, NODE, SPOT = (Failure(kind, str(kind)) for kind in (Loss.WORKER, Loss.NODE, Loss.PREEMPTED))
KILLED, GPU = Failure(Loss.MEMORY, "low on memory"), Failure(Loss.GPU_MEMORY, "CUDA out of memory")


def told(folder: Path, kind: str, *names: str) -> list[Any]:
    return [tuple(event.get(name) for name in names) for event in read(folder) if event["kind"] == kind]


def known_again(stage: Stage, folder: Path) -> Ledger:
    """The ledger of a replay, which is what the driver that wrote the spool has."""
    ledger = Ledger("fid", "min", stage.ledger.total).apply_all(read(folder))
    for name in ("shares", "too_large", "fewer", "gpu"):
        assert getattr(ledger, name) == getattr(stage.ledger, name)
    assert {id: vars(entry) for id, entry in ledger.trials.items()} == {id: vars(entry) for id, entry in stage.ledger.trials.items()}
    return ledger


def test_a_lost_trial_is_the_next_to_be_handed_out_and_is_written_down_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out(), stage.hand_out()
    stage.director.lost("0000", NODE)
    assert [stage.hand_out(), stage.hand_out()] == ["0000", None]
    assert told(tmp_path, "requeue", "trial", "why", "loss", "counts") == [("0000", "node", "node", True)]
    assert known_again(stage, tmp_path).trials["0000"].lost == 1


def test_a_loss_that_is_told_twice_counts_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out()
    stage.director.lost("0000", DIED)
    stage.director.lost("0000", DIED)
    assert stage.ledger.trials["0000"].lost == 1


def test_a_trial_is_given_up_after_four_losses_without_a_new_report_and_a_resume_tries_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out(), stage.hand_out()
    for _ in range(3):
        stage.take("0000", (4, 50.0))  # of which the checkpoint tells again each time
        stage.director.lost("0000", DIED)
        assert stage.hand_out() == "0000"
    assert ends(tmp_path) == []
    stage.director.lost("0000", DIED)
    assert ends(tmp_path) == [("0000", "infra")]
    again = Stage(tmp_path)
    again.hand_out(), again.hand_out()
    assert again.ledger.trials["0000"].state == "running"
    again.director.lost("0000", DIED)
    assert ends(tmp_path) == [("0000", "infra")], "which counts anew"


def test_losses_with_progress_in_between_and_preempted_nodes_never_give_a_trial_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=1)
    stage.hand_out()
    for number in range(1, 20):
        stage.take("0000", *((0.5 * at, 50.0) for at in range(1, number + 1)))
        stage.director.lost("0000", NODE)
        stage.hand_out()
    for _ in range(9):
        stage.director.lost("0000", SPOT)
        assert stage.hand_out() == "0000"
    assert ends(tmp_path) == []
    assert known_again(stage, tmp_path).trials["0000"].lost == 28


def test_workers_killed_for_memory_go_on_with_one_less_at_a_time_after_a_resume_too(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=9, slots=4)
    for _ in range(3):
        stage.hand_out()
    stage.director.killed_for_memory(KILLED)
    assert told(tmp_path, "slots", "slots") == [(2,)], "three were running"
    assert [stage.hand_out() for _ in range(3)] == ["0000", "0001", None]
    assert {trial for trial, counts in told(tmp_path, "requeue", "trial", "counts") if not counts} == {"0000", "0001", "0002"}
    assert stage.live.picture.slots == 2
    assert "2 at a time from now on" in stage.live.picture.notes[-1]
    assert known_again(stage, tmp_path).places(4) == 2
    assert stage.ledger.places(5) == 5, "on more machines it begins anew"
    stage.ledger.apply({"kind": "slots", "t": 9.0, "slots": 11, "of": 12})
    assert [stage.ledger.places(fits) for fits in (4, 5, 12, 13)] == [2, 5, 11, 13], "and what was learnt on fewer holds for them"
    stage.take("0000", (4, 50.0), verdict=["budget", ""])
    assert stage.hand_out() == "0002"


def test_one_worker_killed_for_memory_among_others_leaves_them_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, slots=3)
    for _ in range(3):
        stage.hand_out()
    stage.director.lost("0001", KILLED)
    assert stage.ledger.places(3) == 2
    assert stage.hand_out() is None, "two are running still"
    stage.take("0000", (4, 50.0), verdict=["budget", ""])
    assert stage.hand_out() == "0001"


def test_only_a_trial_that_does_not_fit_alone_is_given_up_for_memory_and_the_others_go_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, slots=2)
    stage.hand_out(), stage.hand_out()
    for _ in range(5):
        stage.director.killed_for_memory(KILLED)
        first = stage.hand_out()
    assert (first, ends(tmp_path), stage.ledger.places(2)) == ("0001", [("0000", "infra")], 1)
    assert "one trial alone does not fit" in str(stage.ledger.trials["0000"].evidence)
    assert not stage.take("0001", (4, 50.0))


def test_a_trial_without_memory_on_its_share_goes_on_with_the_next_larger_one_and_so_do_new_ones_of_its_size(tmp_path: Path) -> None:
    sizes = {"0000": 10.0, "0001": 5.0, "0002": 10.0, "0003": 20.0}
    stage = Stage(tmp_path, slots=8, trials=4, share=1 / 8, gpus=1, size_of=lambda entry: sizes[entry.id])
    stage.hand_out()
    stage.director.lost("0000", GPU)
    assert told(tmp_path, "share", "trial", "gpu", "size") == [("0000", 1 / 4, 10.0)]
    assert [stage.hand_out() for _ in range(4)] == ["0000", "0001", "0002", "0003"]
    assert [stage.director.share_of(trial) for trial in sizes] == [1 / 4, 1 / 8, 1 / 4, 1 / 4]
    assert "0000 found no memory on its share of a GPU: it goes on with 1/4 of a GPU" in stage.live.picture.notes[-1]
    assert not stage.take("0000", (4, 50.0))
    assert known_again(stage, tmp_path).trials["0000"].lost == 0, "its worker was not to blame"


def test_what_the_sweep_has_learnt_about_sizes_holds_after_a_resume(tmp_path: Path) -> None:
    resources: dict[str, Any] = {"share": 1 / 8, "gpus": 1, "slots": 8, "size_of": lambda entry: 1.0}
    first = Stage(tmp_path, **resources)
    first.hand_out()
    first.director.lost("0000", GPU)
    again = Stage(tmp_path, **resources)
    assert [again.hand_out(), again.hand_out()] == ["0000", "0001"]
    assert [again.director.share_of(trial) for trial in ("0000", "0001")] == [1 / 4, 1 / 4]


def test_trials_in_flight_fit_on_the_gpus_with_the_shares_that_they_take(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=9, slots=4, share=1 / 4, gpus=1)
    for _ in range(4):
        stage.hand_out()
    stage.director.lost("0000", GPU)
    assert stage.hand_out() is None, "three quarters are taken, and it needs a half"
    stage.take("0001", (4, 50.0), verdict=["budget", ""])
    assert [stage.hand_out(), stage.hand_out()] == ["0000", None]


def test_at_a_whole_gpu_it_ends_with_what_to_lower(tmp_path: Path) -> None:
    stage = Stage(tmp_path, share=1 / 2, gpus=1)
    stage.hand_out()
    stage.director.lost("0000", GPU)
    stage.hand_out()
    stage.director.lost("0000", GPU)
    assert ends(tmp_path) == [("0000", "error")]
    assert str(stage.ledger.trials["0000"].evidence).startswith("does not fit on a whole GPU: lower batch")


def test_hours_of_gpus_count_what_a_trial_takes_while_it_takes_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, share=1 / 4, gpus=1, trials=1)
    stage.hand_out()
    stage.take("0000", (4, 50.0))
    stage.director.lost("0000", GPU)
    stage.hand_out()
    stage.take("0000", (10, 50.0))
    assert stage.ledger.occupied_seconds(1) == 4 + 6 / 2
    assert stage.ledger.occupied_seconds(1 / 4) == 4 / 4 + 6 / 2


def test_errors_alike_halt_the_sweep_and_a_resume_tries_those_trials_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=9)
    for number in range(2):
        stage.hand_out()
        stage.take(f"000{number}", error=f"FileNotFoundError: /data/{number} (x.py, line {number})")
    stage.hand_out()
    with pytest.raises(Halt, match="the first 3 trials all ended with the same error, so the sweep stops: FileNotFoundError: /data/2"):
        stage.take("0002", error="FileNotFoundError: /data/2 (x.py, line 2)")
    assert [reason for _, reason in ends(tmp_path)] == ["error"] * 3, "the last end is written down, too"
    again = Stage(tmp_path, trials=9)
    assert [again.hand_out(), again.hand_out()] == ["0000", "0001"]
    assert not again.take("0000", (4, 50.0))
    again.take("0001", error="FileNotFoundError: /data/1")
    assert known_again(again, tmp_path).trials["0001"].again is False, "it has failed beside one that learns"


def test_workers_that_die_before_they_report_halt_the_sweep(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out(), stage.hand_out()
    stage.director.lost("0000", DIED)
    stage.director.lost("0001", DIED)
    stage.hand_out()
    with pytest.raises(Halt, match="3 workers in a row died before they reported anything"):
        stage.director.lost("0001", DIED)
    assert stage.ledger.trials["0001"].state == "running", "a resume goes on with it"


def test_values_outside_of_what_is_allowed_count_as_errors_alike(tmp_path: Path) -> None:
    def settle(params: dict[str, Any]) -> dict[str, Any]:
        raise UserError(f"lr_d is a number in (0, 1], got {params['lr_g']}.")

    stage = Stage(tmp_path, trials=99, settle=settle)
    with pytest.raises(Halt, match=r"lr_d is a number in \(0, 1\], got 3\."):
        stage.hand_out()
    assert len(stage.ledger.trials) == 3


def test_values_outside_of_what_is_allowed_stop_no_sweep_in_which_a_trial_runs(tmp_path: Path) -> None:
    def settle(params: dict[str, Any]) -> dict[str, Any]:
        if 1 < params["lr_g"] < 8:
            raise UserError(f"lr_d is a number in (0, 1], got {params['lr_g']}.")
        return params

    stage = Stage(tmp_path, trials=99, settle=settle)
    assert [stage.hand_out(), stage.hand_out()] == ["0000", "0007"]


def test_a_spool_from_before_losses_were_told_apart_stays_readable() -> None:
    ledger = Ledger("fid", "min", 2)
    about = {"number": 0, "params": {}, "values": {}, "origin": "sampler"}
    ledger.apply({"kind": "trial", "t": 0.0, "trial": "0000", **about})
    ledger.apply({"kind": "requeue", "t": 1.0, "trial": "0000", "why": "its worker died"})
    assert (ledger.trials["0000"].state, ledger.trials["0000"].lost, ledger.trials["0000"].losses.total()) == ("running", 0, 0)


def test_the_search_clock_runs_on_over_the_new_events_and_does_not_start_with_them() -> None:
    ledger = Ledger("fid", "min", 2)
    ledger.apply({"kind": "driver", "t": 0.0, "segment": 1})
    ledger.apply({"kind": "share", "t": 5.0, "gpu": 0.5})
    ledger.apply({"kind": "slots", "t": 7.0, "slots": 1})
    ledger.apply({"kind": "phase", "t": 8.0, "phase": "search"})
    ledger.apply({"kind": "share", "t": 9.0, "trial": "0000-s1000", "gpu": 0.5})
    ledger.apply({"kind": "final", "t": 20.0, "who": "0000", "seed": 1000})
    assert ledger.search_seconds == 8.0


def test_lost_workers_and_failures_are_told_apart_in_a_line(tmp_path: Path) -> None:
    assert troubles([(0, "budget"), (0, None)]) is None
    assert troubles([(2, "budget"), (1, None), (0, "error"), (4, "infra")]) == (
        "2 trials lost their worker 3 times and went on; 1 given up, as its worker was lost again and again; 1 failed"
    )
    assert troubles([(1, "asha"), (0, "asha")]) == "1 trial lost its worker once and went on"
    folder = tmp_path / "sweep-1"
    folder.mkdir()
    freeze(folder, {"budget": {"trials": 3}})
    stage = Stage(folder, trials=3, share=0.5, gpus=1)
    stage.hand_out(), stage.hand_out()
    stage.director.lost("0000", SPOT)
    stage.director.lost("0001", GPU)
    stage.hand_out()
    stage.take("0000", error="ValueError: no")
    assert SweepRecord.load(folder).troubles == stage.live.picture.troubles == "1 trial lost its worker once and went on; 1 failed"


def test_the_last_trial_of_a_sweep_that_learnt_may_fail_and_the_sweep_goes_on(tmp_path: Path) -> None:
    first = Stage(tmp_path, trials=3)
    first.hand_out(), first.hand_out()
    for trial in ("0000", "0001"):
        first.take(trial, (4, 50.0), verdict=["budget", ""])
    again = Stage(tmp_path, trials=3)
    assert again.hand_out() == "0002"
    again.take("0002", error="ValueError: no")
    assert again.director.is_exhausted, "score and finalists follow"


def test_a_resume_after_the_breaker_counts_the_trials_that_it_tries_again(tmp_path: Path) -> None:
    def halted() -> int:
        stage, ended = Stage(tmp_path, trials=4, slots=4), 0
        while True:
            trial = stage.hand_out()
            assert trial is not None
            ended += 1
            try:
                stage.take(trial, error="ValueError: no")
            except Halt:
                return ended

    assert [halted(), halted()] == [4, 4]


def test_the_loss_of_a_machine_with_many_places_stops_no_sweep(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=99, slots=8)
    handed = [stage.hand_out() for _ in range(8)]
    for trial in handed:
        stage.director.lost(str(trial), NODE)
    assert [stage.hand_out() for _ in range(8)] == sorted(map(str, handed), reverse=True)


def test_a_trial_for_which_no_machine_has_the_memory_takes_no_more_than_four_places(tmp_path: Path) -> None:
    stage = Stage(tmp_path, trials=99, slots=16)
    for _ in range(16):
        stage.hand_out()
    for number in range(1, 16):  # the others learn
        stage.take(f"{number:04d}", (4, 50.0))
    while stage.ledger.trials["0000"].state == "running":
        stage.director.lost("0000", KILLED)
        if stage.ledger.trials["0000"].state == "running":
            stage.take(next(iter(sorted(stage.director._running))), verdict=["budget", ""])
            assert stage.hand_out() == "0000"
    assert stage.ledger.places(16) == 13
    assert stage.ledger.trials["0000"].reason == "infra"


def test_losses_of_another_kind_do_not_make_the_evidence_untrue(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.hand_out(), stage.hand_out()
    stage.take("0001", (4, 50.0))
    for failure in (DIED, NODE, Failure(Loss.CPU_MEMORY, "no")):
        stage.director.lost("0000", failure)
        assert stage.hand_out() == "0000"
    stage.director.lost("0000", Failure(Loss.CPU_MEMORY, "no"))
    assert "memory was refused twice" in str(stage.ledger.trials["0000"].evidence)

"""Settings that change nothing are said; rates that end before the budget, too; a generator that never trains is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipped import shipped_sweeps

from gantune.errors import UserError
from gantune.single import plan_run
from gantune.spec import load_sweep

IN_VAIN = "changes nothing here"


def notes_of(tmp_path: Path, family: str, *sets: str, kimg: float = 10.0) -> list[str]:
    given = {"data": None, "report_every": 1.0, "from_run": None, "out": None, "threads": 1, "runs": tmp_path}
    return [note for note in plan_run(family, kimg=kimg, sets=list(sets), **given)[1] if "Settings of" not in note]


@pytest.mark.parametrize(
    ("family", "given", "why"),
    [
        ("dcgan", "momentum=0.9", "optimiser is adam"),
        ("wgan", "beta1=0.9", "optimiser is rmsprop"),
        ("dcgan", "penalty_weight=5", "penalty is none"),
        ("dcgan", "noise_kimg=10", "noise is 0.0"),
        ("dcgan", "lr_decay_kimg=5", "lr_decay is none"),
        ("ebgan", "margin_end=3", "margin_kimg is 0.0"),
        ("dcgan", "hidden=512", "the networks are the same without it"),
        ("gan", "d_norm=none", "the networks are the same without it"),
        ("gan", "features=32", "the networks are the same without it"),
    ],
)
def test_what_changes_nothing_is_said(tmp_path: Path, family: str, given: str, why: str) -> None:
    [note] = notes_of(tmp_path, family, given)
    assert note.startswith(given.partition("=")[0])
    assert note.endswith(f"{IN_VAIN}: {why}")


@pytest.mark.parametrize(
    ("family", "sets"),
    [
        ("dcgan", ["optimiser=sgd", "momentum=0.9"]),
        ("dcgan", ["penalty=r1", "d_norm=none", "penalty_weight=5"]),
        ("dcgan", ["net=mlp", "hidden=512"]),
        ("dcgan", ["g_net=mlp", "hidden=512", "features=8"]),
        ("bigan", ["hidden=512"]),
        ("gan", ["beta1=0.9", "hidden=64"]),
        ("dcgan", ["beta1=0.5"]),
    ],
)
def test_what_changes_something_or_is_as_it_was_is_not(tmp_path: Path, family: str, sets: list[str]) -> None:
    assert notes_of(tmp_path, family, *sets) == []


def test_in_a_sweep_what_is_searched_counts_too() -> None:
    notes = load_sweep("lsgan", sets=["net=mlp"]).notes
    assert any(note.startswith(f"d_norm is searched and {IN_VAIN}") for note in notes)
    assert any(note.startswith(f"momentum=0.9 {IN_VAIN}") for note in load_sweep("dcgan", sets=["momentum=0.9"]).notes)
    assert not any(IN_VAIN in note for note in load_sweep("wgan", sets=["momentum=0.9"]).notes), "its optimiser may be rmsprop"


@pytest.mark.parametrize("gpus", [0, 1])
@pytest.mark.parametrize("name", shipped_sweeps())
def test_no_bundled_sweep_sets_anything_in_vain(name: str, gpus: int) -> None:
    assert not [note for note in load_sweep(name, gpus=gpus).notes if IN_VAIN in note or "both rates are 0" in note]


def test_rates_that_end_before_the_budget_are_said(tmp_path: Path) -> None:
    assert notes_of(tmp_path, "irgan", kimg=40) == []
    [note] = notes_of(tmp_path, "irgan", kimg=100)
    assert note == "lr_decay=linear ends at 40 kimg: both rates are 0 from there to the budget's 100"
    assert note in load_sweep("irgan", sets=["budget.kimg=100"]).notes


def test_a_generator_that_would_never_train_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="d_warmup=60 leaves the generator nothing of a budget of 60 kimg"):
        load_sweep("dcgan", sets=["d_warmup=60"])
    with pytest.raises(UserError, match="d_warmup=20 leaves"):
        notes_of(tmp_path, "dcgan", "d_warmup=20")


def test_a_batch_of_one_under_batch_norm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"batch=1 leaves a perceptron's batch norm nothing to compare\. Set g_norm=layer"):
        load_sweep("gan", sets=["batch=1"])
    assert load_sweep("gan", sets=["batch=1", "g_norm=layer"]).fixed["batch"] == 1


OWN = """
from dataclasses import dataclass
import torch.nn.functional as F
from gantune.families.dcgan import DCGAN
from gantune.families.base import Players
from gantune.nets.standard import StandardArch
from gantune.params import param

@dataclass(frozen=True)
class Arch(StandardArch):
    slope: float = param(0.2, "of D's leak", low=0, high=1)

class Own(DCGAN):
    name = "own"
    Arch = Arch

    def build(self, arch, form):
        players = super().build(arch, form)
        players.d.register_forward_hook(lambda module, args, out: F.leaky_relu(out, arch.slope * arch.hidden))
        return players
"""


@pytest.mark.parametrize("given", ["slope=0.1", "hidden=64"])
def test_what_a_family_of_ones_own_makes_of_its_settings_is_not_judged(tmp_path: Path, given: str) -> None:
    (tmp_path / "own.py").write_text(OWN)
    assert not [note for note in notes_of(tmp_path, f"{tmp_path / 'own.py'}:Own", given, "features=8") if IN_VAIN in note]


def test_data_that_do_not_fit_are_refused_before_any_advice(tmp_path: Path) -> None:
    for family, needed in (("cyclegan", "pictures of two domains"), ("pix2pix", "pairs of pictures")):
        with pytest.raises(UserError, match=f"family {family} needs {needed}, and data mnist5k has none"):
            plan_run(family, kimg=1, sets=["features=8"], data="mnist5k", report_every=1, from_run=None, out=None, threads=1, runs=tmp_path)


def space_of(tmp_path: Path, searched: str, family: str = "dcgan") -> Path:
    (tmp_path / "space.yaml").write_text(f"lr_g: {{log: [1e-4, 1e-2]}}\n{searched}\n")
    (tmp_path / "own.yaml").write_text(
        f"family: {family}\nspace: ./space.yaml\ndata: mnist5k\nfixed: {{image_size: 32}}\nbudget: {{kimg: 60}}\n"
    )
    return tmp_path / "own.yaml"


def test_a_choice_of_which_one_value_matters_is_no_note(tmp_path: Path) -> None:
    notes = load_sweep(str(space_of(tmp_path, "d_norm: {choice: [batch, none, instance]}"))).notes
    assert not [note for note in notes if IN_VAIN in note]
    assert not [note for note in load_sweep(str(space_of(tmp_path, "net: {choice: [auto, mlp, dcgan]}"))).notes if IN_VAIN in note]


@pytest.mark.parametrize(
    ("family", "searched", "why"),
    [("dcgan", "d_warmup: {uniform: [0, 100]}", "d_warmup=100 leaves"), ("gan", "batch: {choice: [64, 1]}", "batch=1 leaves")],
)
def test_what_only_some_trials_would_meet_is_refused_too(tmp_path: Path, family: str, searched: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        load_sweep(str(space_of(tmp_path, searched, family)))


def test_one_note_for_all_families_of_a_sweep() -> None:
    notes = load_sweep("zoo", sets=["lr_decay=linear", "lr_decay_kimg=10"]).notes
    assert sum("both rates are 0" in note for note in notes) == 1


def test_a_sweep_says_it_too_where_pretraining_takes_all(tmp_path: Path) -> None:
    notes = load_sweep("irgan", sets=["budget.kimg=8", "budget.report_every=2"]).notes
    assert any("pretrain_kimg=10 takes all of the budget's 8 kimg" in note for note in notes)


def test_flags_of_measuring_are_named_as_typed(tmp_path: Path) -> None:
    for typed, why in (("metrics.extractor", "--set metrics.extractor: is written"), ("metrics=raw", "such as metrics.extractor=raw")):
        with pytest.raises(UserError, match=why):
            notes_of(tmp_path, "dcgan", typed)

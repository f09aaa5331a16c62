"""Sweep files: what they come to, and how each mistake is answered."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from gantune.config import declared_params
from gantune.errors import UserError
from gantune.families import open_family
from gantune.spec import Scheduler, SweepSpec, load_sweep, parse_sets

BASE = """\
family: dcgan
space: dcgan
data: mnist5k
fixed: {image_size: 32, features: 4, batch: 64}
budget: {trials: 4, kimg: 20, report_every: 4}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, **options: Any) -> SweepSpec:
    Path("my.yaml").write_text(text)
    return load_sweep("my.yaml", **options)


def line(text: str, key: str) -> str:
    """BASE with `key`'s line replaced by `text`, or `text` added."""
    kept = [entry for entry in BASE.splitlines() if not entry.startswith(f"{key}:")]
    return "\n".join([*kept, text])


MISTAKES = [
    ("bugdet: {trials: 3}", "", "my.yaml, line 6: bugdet: unknown key 'bugdet'. Did you mean \"budget\"?"),
    ("budget: {trails: 3}", "budget", "my.yaml, line 5: budget.trails: unknown key 'trails'. Did you mean \"trials\"?"),
    ("famly: dcgan", "family", "unknown key 'famly'. Did you mean \"family\"?"),
    ("seed: 1", "family", "my.yaml: family: is missing."),
    ("family: dcgn", "family", "my.yaml, line 5: family: unknown family 'dcgn'. Did you mean \"dcgan\"?"),
    ("family: ./nowhere.py:MyGAN", "family", "there is no file"),
    ("space: dcgn", "space", "line 5: space: unknown space 'dcgn'. Did you mean \"dcgan\"?"),
    ("space: ./nowhere.yaml", "space", "there is no such file"),
    ("data: mnist5", "data", "line 5: data: unknown data set 'mnist5'. Did you mean \"mnist5k\"?"),
    ("data: folder:nowhere", "data", "data: there is no folder"),
    ("data: ring8", "data", "line 5: data: convolutional networks take square images"),
    ("fixed: {batch: many}", "fixed", "line 5: fixed: batch is a whole number in [1, 65536], got 'many'"),
    ("fixed: {bacth: 3}", "fixed", "fixed: unknown parameter 'bacth'. Did you mean \"batch\"?"),
    ("fixed: {lr_g: 1e-3}", "fixed", "lr_g is fixed at 0.001 there, and searched in search_spaces/dcgan.yaml, line 1: lr_g"),
    ("fixed: {image_size: 17}", "fixed", "fixed.image_size: convolutional networks take square images"),
    ("budget: {trials: 0}", "budget", "line 5: budget.trials: is at least 1, got 0."),
    ("budget: {trials: 2.5}", "budget", "budget.trials: a whole number is needed, got 2.5."),
    ("budget: {trials: true}", "budget", "budget.trials: a whole number is needed, got True."),
    ("budget: {kimg: -1}", "budget", "budget.kimg: is above 0, got -1."),
    ("budget: {kimg: .nan}", "budget", "budget.kimg: a finite number is needed"),
    ("budget: {kimg: .inf}", "budget", "budget.kimg: a finite number is needed"),
    ("budget: {kimg: lots}", "budget", "budget.kimg: a number is needed, got 'lots'."),
    ("budget: {kimg: 20, report_every: 40}", "budget", "budget.report_every: is at most kimg (20)"),
    ("budget: {hours: 0}", "budget", "budget.hours: is above 0, got 0."),
    ("budget: {gpu_hours: 3}", "budget", "budget.gpu_hours: trials use no GPU"),
    ("budget: 16", "budget", "budget: a mapping of keys to values is needed, got 16."),
    ("scheduler: ahsa", "", "scheduler: unknown scheduler 'ahsa'. Did you mean \"asha\"?"),
    ("scheduler: {asha: {grace: 2}}", "", "scheduler.asha.grace: a share of the budget in (0, 1], got 2, which is above the whole budget"),
    ("scheduler: {asha: {grace: 0}}", "", "scheduler.asha: grace is a number in (0, 1], got 0"),
    ("scheduler: {asha: {grace: .nan}}", "", "grace is a number in (0, 1], got nan"),
    ("scheduler: {asha: {reduction: 1}}", "", "reduction is a whole number in [2, 100], got 1"),
    ("scheduler: {asha: {}, median: {}}", "", "is one name, or one name with its options; got asha, median"),
    ("scheduler: {none: {grace: 0.5}}", "", "unknown parameter 'grace'"),
    ("sampler: tep", "", "sampler: unknown sampler 'tep'. Did you mean \"tpe\"?"),
    ("sampler: 3", "", "sampler: a text is needed, got 3."),
    ("sampler: cmaes", "", "sampler: cmaes cannot search choices: k in search_spaces/dcgan.yaml"),
    ("sampler: grid", "", "grid needs a choice or whole numbers; lr_g, lr_ratio, beta1 in search_spaces/dcgan.yaml"),
    ("sampler: {tpe: {n_startup: 3}}", "", "sampler.tpe: unknown parameter 'n_startup'. Did you mean \"n_startup_trials\"?"),
    ("stopping: [d_one]", "", "stopping: unknown stop rule 'd_one'. Did you mean \"d_won\"?"),
    ("stopping: [diverged, diverged]", "", "named twice"),
    ("stopping: diverged", "", "stopping: a list is needed, got 'diverged'."),
    ("stopping: [{plateau: {patience: 3}}]", "", 'Did you mean "patience_kimg"?'),
    ("objective: {metric: fidd}", "", "objective.metric: 'fidd' is unknown. Did you mean \"fid\"?"),
    ("objective: {metric: d_loss}", "", "objective.metric: 'd_loss' is no measure of quality"),
    ("objective: {metric: modes}", "", "modes is measured on 2-D mixtures"),
    ("objective: ndcg_at_5", "", "objective: ndcg_at_5 is measured on queries (digits_retrieval, letor:PATH) only. Use fid."),
    ("objective: {metric: inception_score, mode: min}", "", "mode is max"),
    ("data: digits_retrieval", "data", "data: family dcgan needs pictures or points, and data digits_retrieval has none."),
    ("objective: {metric: fid, mode: max}", "", "objective.mode: a better fid is a low one: mode is min."),
    ("objective: {metric: fid, mode: best}", "", "objective.mode: is 'min' or 'max', got 'best'."),
    ("objective: {metric: 3}", "", "objective.metric: a text is needed, got 3."),
    ("finalists: {top: -1}", "", "finalists.top: is at least 0, got -1."),
    ("finalists: {seeds: 0}", "", "finalists.seeds: is at least 1, got 0."),
    ("finalists: {seed: 3}", "", "finalists.seed: unknown key 'seed'. Did you mean \"seeds\"?"),
    ("resources: {cpu: 0}", "", "resources.cpu: is at least 1, got 0."),
    ("resources: {gpu: 1}", "", "resources.gpu: a trial asks for 1 GPU, and there is none."),
    ("resources: {gpu: -1}", "", "resources.gpu: is at least 0, got -1."),
    ("resources: {gpu: some}", "", "resources.gpu: a number or 'auto' is needed, got 'some'."),
    ("metrics: {extractor: incption}", "", "metrics: extractor is one of"),
    ("metrics: {n_fak: 3}", "", 'Did you mean "n_fake"?'),
    ("storage: {checkpoints_gb: 0}", "", "storage.checkpoints_gb: is above 0, got 0."),
    ("storage: {checkpoint_gb: 5}", "", "storage.checkpoint_gb: unknown key 'checkpoint_gb'. Did you mean \"checkpoints_gb\"?"),
    ("storage: 50", "", "storage: a mapping of keys to values is needed, got 50."),
    ("score: {n: 0}", "", "score.n: is at least 2, got 0."),
    ("seed: -1", "", "seed: is at least 0, got -1."),
    ("seed: 2147483647", "", "seed: is below 2147473648, got 2147483647."),
    ("on_gpu: {budget: {kimg: -5}}", "", "my.yaml, line 6: on_gpu.budget.kimg: is above 0, got -5."),
    ("on_gpu: {resource: {gpu: 1}}", "", "on_gpu.resource: unknown key 'resource'. Did you mean \"resources\"?"),
    ("on_gpu: 3", "", "on_gpu: a mapping of keys to values is needed, got 3."),
    ("budget: {trials: [", "budget", "my.yaml, line 5: not valid YAML"),
    ("family: dcgan", "", 'my.yaml, line 6: duplicate key "family".'),
]


@pytest.mark.parametrize(("text", "replaces", "expected"), MISTAKES)
def test_a_mistake_is_named(text: str, replaces: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        load(line(text, replaces or "no key"))
    assert expected in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 2
    assert [file.name for file in Path().iterdir()] == ["my.yaml"]


FLAGS = [
    ("budget.trials=0", "--set budget.trials=0: budget.trials: is at least 1, got 0."),
    ("bugdet.trials=3", "--set bugdet.trials=3: unknown key 'bugdet'. Did you mean \"budget\"?"),
    ("lr_gg=1", "--set lr_gg=1: no key of a sweep and no parameter is called 'lr_gg'. Did you mean \"lr_g\"?"),
    ("beta1=3", "--set beta1=3: beta1 is a number in [0, 1), got 3."),
    ("lr_g=-1", "--set lr_g=-1: lr_g is a number in (0, 1], got -1."),
    ("k=0", "--set k=0: k is a whole number in [1, 1000], got 0."),
    ("family=dcgn", "--set family=dcgn: unknown family 'dcgn'. Did you mean \"dcgan\"?"),
    ("scheduler.asha.grace=12", "For 12 kimg: 0.6."),
    ("lr_g", "--set lr_g: is written NAME=VALUE"),
    ("=3", "--set =3: is written NAME=VALUE"),
    ("budget.=3", "is written NAME=VALUE"),
    ("budget.kimg=[1", "--set budget.kimg=[1, line 1: not valid YAML"),
    ("family.name=x", "--set family.name=x: family is 'dcgan', which has no keys."),
    ("on_gpu.budget.kimg=1", "set the value itself: --set budget.kimg=..."),
]


@pytest.mark.parametrize(("flag", "expected"), FLAGS)
def test_a_mistaken_flag_is_named(flag: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        load(BASE, sets=[flag])
    assert expected in str(raised.value)


@pytest.mark.parametrize(("option", "expected"), [({"trials": 0}, "--trials 0: "), ({"data": "rng8"}, "--data rng8: ")])
def test_short_flags_are_named(option: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        load(BASE, **option)


@pytest.mark.parametrize(("text", "expected"), [("dcgna", "unknown sweep 'dcgna'. Did you mean \"dcgan\"?"), ("./x.yaml", "no such file")])
def test_an_unknown_sweep_is_named(text: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        load_sweep(text)
    assert expected in str(raised.value)


def test_defaults_are_filled_in() -> None:
    spec = load("family: dcgan\nfixed: {features: 4}")
    assert (spec.name, spec.data, spec.space.source) == ("my", "mnist5k", "search_spaces/dcgan.yaml")
    assert (spec.budget.trials, spec.budget.kimg, spec.budget.report_every) == (16, 60, 4)
    assert (spec.sampler.name, spec.scheduler, spec.stopping_from_user) == ("tpe", Scheduler("asha", 0.2, 3), False)
    assert spec.objective == dataclasses.replace(spec.objective, metric="fid", mode="min")


def test_precedence_is_file_then_on_gpu_then_flags() -> None:
    text = BASE + "on_gpu: {budget: {trials: 9, kimg: 99}, fixed: {features: 8}, resources: {gpu: 0.5}}"
    without, with_gpu = load(text), load(text, gpus=1, sets=["budget.kimg=50"])
    assert (without.budget.trials, without.fixed["features"], without.resources.gpu, without.on_gpu_applied) == (4, 4, 0, False)
    assert (with_gpu.budget.trials, with_gpu.budget.kimg, with_gpu.budget.report_every) == (9, 50, 4)
    assert (with_gpu.fixed["features"], with_gpu.fixed["batch"], with_gpu.resources.gpu) == (8, 64, 0.5)
    assert with_gpu.on_gpu_applied
    assert "on_gpu section applies" in with_gpu.notes[0]


def test_an_automatic_share_of_a_gpu_is_none_without_gpus_and_a_probes_matter_with_them() -> None:
    without, with_gpu = (load(BASE + "resources: {gpu: auto}", gpus=gpus) for gpus in (0, 2))
    assert "resources.gpu: auto is 0, as there is no GPU" in without.notes
    assert "resources.gpu: auto: before the search a memory probe picks how many trials share a GPU, at most 8" in with_gpu.notes
    kept = SweepSpec.from_json(with_gpu.to_json()).resources
    assert [kept.share(gpus, probed) for gpus, probed in ((0, 0.25), (2, None), (2, 0.25))] == [0.0, 1.0, 0.25]
    assert load(BASE, sets=["resources.gpu=auto"]).resources.gpu == "auto"
    with pytest.raises(UserError, match="trials use no GPU"):
        load(line("budget: {gpu_hours: 3}\nresources: {gpu: auto}", "budget"))


def test_flags_reach_every_section() -> None:
    flags = ["scheduler.asha.reduction=4", "sampler.tpe.n_startup_trials=2", "finalists.seeds=5", "lr_g=2e-4", "fixed.batch=32", "seed=7"]
    spec = load(BASE, sets=flags, trials=3)
    assert spec.scheduler == Scheduler("asha", 0.2, 4)
    assert spec.sampler.options == {"n_startup_trials": 2}
    assert (spec.finalists.seeds, spec.budget.trials, spec.seed) == (5, 3, 7)
    assert spec.fixed == {"image_size": 32, "features": 4, "batch": 32, "lr_g": 2e-4}
    assert "lr_g" not in spec.space.parameters
    assert spec.notes == ("the search over lr_g is replaced by 0.0002, as --set says",)


def test_another_scheduler_takes_the_place_of_the_files() -> None:
    text = BASE + "scheduler: {asha: {grace: 0.3}}"
    assert load(text, sets=["scheduler=none"]).scheduler.kind == "none"
    assert load(text, sets=["scheduler.median.grace=0.5"]).scheduler.kind == "median"
    assert load(text, sets=["scheduler.asha.reduction=2"]).scheduler == Scheduler("asha", 0.3, 2)


def test_hours_need_no_number_of_trials() -> None:
    assert load(line("budget: {hours: 2}", "budget")).budget.trials > 1000


def test_points_need_no_image_size() -> None:
    spec = load(line("family: gan", "family").replace("space: dcgan", "space: gan").replace(", features: 4", ""), data="ring8")
    assert spec.fixed == {"batch": 64}
    assert spec.notes == ("image_size is left out, as ring8 holds no pictures",)


RANKED = "family: irgan\nspace: irgan\nbudget: {trials: 4, kimg: 20, report_every: 4}\n"


@pytest.mark.parametrize("metric", ["ndcg_at_5", "precision_at_5"])
def test_rankings_have_objectives_of_their_own(metric: str) -> None:
    spec = load(f"{RANKED}objective: {metric}\n")
    assert (spec.data, spec.objective.metric, spec.objective.mode) == ("digits_retrieval", metric, "max")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("objective: fid\n", "my.yaml, line 4: objective: fid is not measured on queries. Use ndcg_at_5 or precision_at_5."),
        ("", "fid is not measured on queries"),
        ("objective: ndcg_at_5\ndata: mnist5k\n", "data: family irgan needs queries with their documents, and data mnist5k has none."),
        ("objective: ndcg_at_5\nmetrics: {extractor: inception}\n", "leave extractor out"),
    ],
)
def test_rankings_have_no_measures_of_pictures(text: str, expected: str) -> None:
    with pytest.raises(UserError) as raised:
        load(RANKED + text)
    assert expected in str(raised.value)


def test_a_rule_that_cannot_speak_is_refused_only_where_the_user_named_it() -> None:
    text = line("family: wgan_gp", "family").replace("space: dcgan", "space: wgan_gp")
    assert "equilibrium" in load(text).stopping
    with pytest.raises(UserError, match="stopping: stop rule 'equilibrium' cannot be used here"):
        load(text + "\nstopping: [equilibrium]")


def test_a_grid_brings_its_number_of_trials() -> None:
    assert load_sweep("balance").budget.trials == 15
    assert load_sweep("balance", trials=100).budget.trials == 15
    assert load_sweep("balance", trials=6).notes == ("the grid has 15 points, of which 6 are tried",)


def test_a_file_in_the_working_directory_wins_over_a_bundled_one() -> None:
    Path("sweeps").mkdir()
    Path("search_spaces").mkdir()
    Path("sweeps/dcgan.yaml").write_text(BASE)
    Path("search_spaces/dcgan.yaml").write_text("lr_g: {log: [1e-4, 1e-3]}")
    spec = load_sweep("dcgan")
    assert spec.budget.trials == 4
    assert list(spec.space.parameters) == ["lr_g"]


def test_own_files_are_found_beside_the_sweep_and_kept_with_whole_paths(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "my_space.py").write_text("def space(trial): return {'lr_g': trial.suggest_float('lr_g', 1e-4, 1e-3, log=True)}")
    (folder / "my_gan.py").write_text("from gantune.families.dcgan import DCGAN\nclass MyGAN(DCGAN): pass\n")
    (folder / "my.yaml").write_text(BASE.replace("family: dcgan", "family: ./my_gan.py:MyGAN").replace("dcgan", "./my_space.py:space"))
    spec = load_sweep("elsewhere/my.yaml")
    assert spec.family == f"{folder}/my_gan.py:MyGAN"
    (folder / "my_space.py").unlink()
    assert SweepSpec.from_json(json.loads(json.dumps(spec.to_json()))).space.fits({"lr_g": 5e-4})


def test_a_taken_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs" / "mine-1" / "trials").mkdir(parents=True)
    with pytest.raises(UserError, match=r"--name mine: .*mine-1 exists"):
        load(BASE, name="mine", runs=tmp_path / "runs")
    assert load(BASE, name="other", runs=tmp_path / "runs").name == "other"
    with pytest.raises(UserError, match="letters, digits"):
        load(BASE, name="../x", runs=tmp_path / "runs")
    with pytest.raises(UserError, match="'latest', by which commands find"):
        load(BASE, name="latest")


def test_a_name_whose_folder_is_empty_is_free(tmp_path: Path) -> None:
    (tmp_path / "runs" / "mine-1").mkdir(parents=True)
    assert load(BASE, name="mine-1", runs=tmp_path / "runs").name == "mine-1"
    (tmp_path / "runs" / "mine-1" / "sweep.json").write_text("{}")
    with pytest.raises(UserError, match=r"--name mine-1: .*mine-1 exists"):
        load(BASE, name="mine-1", runs=tmp_path / "runs")


@pytest.mark.parametrize("name", ["dcgan", "gan", "wgan_gp", "balance"])
@pytest.mark.parametrize("gpus", [0, 1])
def test_bundled_sweeps_load_and_come_back_from_json(name: str, gpus: int) -> None:
    spec = load_sweep(name, gpus=gpus)
    assert SweepSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.on_gpu_applied is (gpus > 0)


def test_checkpoints_may_be_limited_and_sweeps_from_before_are_without_a_limit() -> None:
    assert load(BASE).storage.checkpoints_gb is None
    spec = load(BASE + "storage: {checkpoints_gb: 50}", sets=["storage.checkpoints_gb=2.5"])
    assert spec.storage.checkpoints_gb == 2.5
    content = json.loads(json.dumps(spec.to_json()))
    assert SweepSpec.from_json(content) == spec
    del content["storage"]
    assert SweepSpec.from_json(content).storage.checkpoints_gb is None


def test_json_keeps_schedules_conditions_and_options() -> None:
    Path("space.yaml").write_text("optimiser: {choice: [adam, sgd]}\nbeta1: {uniform: [0, 0.9], when: {optimiser: adam}}")
    text = (
        BASE.replace("space: dcgan", "space: space.yaml")
        + "stopping: [{plateau: {patience_kimg: 9}}]\nsampler: {tpe: {n_startup_trials: 3}}"
    )
    spec = load(text, sets=["k={0: 5, 20: 1}"])
    again = SweepSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.fixed["k"] == ((0.0, 5), (20.0, 1))


def test_flags_of_a_single_run() -> None:
    declared = declared_params(open_family("dcgan"))
    given = parse_sets(["lr_g=2e-4", "fixed.batch=8", "k={0: 5, 9: 1}"], declared)
    assert given == {"lr_g": 2e-4, "batch": 8, "k": ((0.0, 5), (9.0, 1))}
    for flag, message in (
        ("lr_g", "is written NAME=VALUE"),
        ("lr_g=-1", "--set lr_g=-1: lr_g is a number in (0, 1], got -1."),
        ("lr_gg=1", "--set lr_gg=1: unknown parameter 'lr_gg'. Did you mean \"lr_g\"?"),
    ):
        with pytest.raises(UserError, match=re.escape(message)):
            parse_sets([flag], declared)

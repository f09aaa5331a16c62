"""Probes: analyses of a run, each a picture with its data file, kept with the run and in MLflow."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gantune.cli.app import RUNS, Runs, app
from gantune.cli.probe_place import Place
from gantune.errors import UserError
from gantune.tracking.checkpoints import check_kept

probe = typer.Typer(help="Analyses of a run: a picture and a data file each.", rich_markup_mode=None)
app.add_typer(probe, name="probe")

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run such as dcgan-1/7, a sweep (its best), or a checkpoint file.")]
Out = Annotated[Path | None, typer.Option(help="Folder for picture and data; default: probes/ in the run's folder.")]
Seed = Annotated[int, typer.Option(min=0)]
Own = Annotated[str | None, typer.Option(help="For a family of your own: its code, ./my_gan.py:MyGAN.")]


@probe.callback(invoke_without_command=True)
def _which(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@probe.command("optimal-discriminator")
def optimal_discriminator(
    run: Run,
    steps: Annotated[int, typer.Option(min=10, help="Steps of the fresh discriminator.")] = 1000,
    seed: Seed = 0,
    out: Out = None,
    family: Own = None,
    runs: Runs = RUNS,
) -> None:
    """A fresh D against the frozen G of every checkpoint: its loss, accuracy, and the gradient that G gets (Arjovsky & Bottou 2017).

    `gantune train dcgan --keep 4 --keep 40` keeps checkpoints of early training for it.
    """
    import torch

    from gantune.families.wasserstein import WassersteinGAN
    from gantune.probes import plots
    from gantune.probes.opened import open_checkpoints
    from gantune.probes.optimal_discriminator import optimal_discriminator as measure

    torch.set_num_threads(1)  # as trials: on small nets more of them wait for each other, on busy cores for minutes
    place = Place.of(runs, run, out)
    opened = open_checkpoints(place.run, family)
    own = opened[0].config
    optimisers = ("rmsprop", "adam") if isinstance(own.family, WassersteinGAN) else (None,)
    rows = []
    for one in opened:
        for optimiser in optimisers:
            rows += measure(one, steps=steps, seed=seed, optimiser=optimiser)
            last = rows[-1]
            print(f"G after {one.kimg:.4g} kimg: d_loss {last['d_loss']:.3g} on training batches, {last['d_loss_heldout']:.3g} held out")
    equilibrium = own.family.equilibrium(own.hparams)
    title = f"{place.name}: a fresh discriminator against generators that stand still"
    figure = plots.optimal_discriminator(rows, title, None if equilibrium is None else equilibrium.value)
    hint = ["Only one checkpoint is kept; `gantune train --keep KIMG` keeps more."] if len(opened) == 1 and place.run.is_dir() else []
    place.keep("optimal-discriminator", {"": figure}, rows, hint)


@probe.command()
def features(
    run: Run,
    n: Annotated[int | None, typer.Option(min=16, help="Real and generated pictures, each; default: 256, or all held out.")] = None,
    seed: Seed = 0,
    out: Out = None,
    family: Own = None,
    runs: Runs = RUNS,
) -> None:
    """Real and generated pictures through every convolution of D: PCA and t-SNE in two and three dimensions, and how far they lie apart."""
    from gantune.per_process import dataset_of
    from gantune.probes import plots
    from gantune.probes.features import features as measure
    from gantune.probes.opened import open_best

    place = Place.of(runs, run, out)
    opened = open_best(place.run, family)
    n = min(256, len(dataset_of(opened.config).heldout)) if n is None else n
    layers = measure(opened, n=n, seed=seed)
    title = f"{place.name} after {opened.kimg:.4g} kimg: {n} real and {n} generated pictures in the layers of D"
    rows = [
        {"layer": layer.name, "kind": "real" if index < n else "generated", "number": index % n}
        | {f"pca{axis + 1}": layer.pca[index, axis] for axis in range(3)}
        | {f"tsne2_{axis + 1}": layer.tsne2[index, axis] for axis in range(2)}
        | {f"tsne3_{axis + 1}": layer.tsne3[index, axis] for axis in range(3)}
        for layer in layers
        for index in range(2 * n)
    ]
    said = [f"{layer.name}: separation {layer.separation:.2f} (0.5 mixed, 1 apart), {layer.width} numbers a picture" for layer in layers]
    place.keep("features", {"": plots.features(layers, title), "-3d": plots.features_3d(layers, title)}, rows, said)


@probe.command()
def latent(
    run: Run,
    way: Annotated[list[str], typer.Option("--between", metavar="A,B", help="Two samples by number; may be given again.")] = ["0,1", "2,3"],  # noqa: B006
    steps: Annotated[int, typer.Option(min=2, help="Pictures on a way.")] = 10,
    sample: Annotated[int, typer.Option(min=0, help="The sample whose coordinates are moved.")] = 0,
    coordinates: Annotated[str, typer.Option(help="Coordinates of z with commas between, or how many of the strongest: top8.")] = "top8",
    sums: Annotated[list[str], typer.Option("--sum", metavar="TERMS", help="Such as '3,5,9 - 1,2 + 7': averages of samples.")] = [],  # noqa: B006
    seed: Seed = 0,
    out: Out = None,
    family: Own = None,
    runs: Runs = RUNS,
) -> None:
    """Ways between samples, straight and along the sphere; single coordinates of z over [-2, 2]; sums and differences of samples.

    Samples have the numbers of latent-samples.png, which it writes too, and are those of `gantune sample` with the same seed.
    """
    from gantune.generator_file import load_generator
    from gantune.probes import plots
    from gantune.probes.latent import Latent, parsed

    place = Place.of(runs, run, out)
    if place.run.suffix == ".pt":
        raise UserError("latent: this probe is of a run's best generator; name the run itself.")
    terms = [parsed(text) for text in sums]
    pairs = [_pair(text) for text in way]
    check_kept(place.run / "generator.safetensors")
    space = Latent(load_generator(place.run / "generator.safetensors", family), seed=seed)
    ways: dict[str, Any] = {}
    for a, b in pairs:
        ways[f"{a} to {b}, straight"] = space.between(a, b, steps, spherical=False)
        ways[f"{a} to {b}, on the sphere"] = space.between(a, b, steps, spherical=True)
    moved = _coordinates(coordinates, space.draws.z.shape[1], lambda count: space.strongest(sample, count))
    along = {f"z[{which}] from -2 to 2": space.along(sample, which, 9) for which in moved}
    figures = {
        "-samples": plots.numbered(space.samples(), f"{place.name}: samples by number (seed {seed})"),
        "-ways": plots.strips(ways, f"{place.name}: ways between samples"),
        "-coordinates": plots.strips(along, f"{place.name}: sample {sample} with one coordinate of z moved"),
    }
    for number, (text, some) in enumerate(zip(sums, terms, strict=True)):
        shown, total = space.sum(some)
        labels = [("− " if term.sign < 0 else "+ ") + _named(term.numbers) for term in some]
        labels[0] = labels[0].removeprefix("+ ")
        figures[f"-sum-{number + 1}"] = plots.equation([*shown, total], [*labels, "= their sum"], f"{place.name}: {text}")
    rows = [
        {"sample": number, **{f"z{axis}": value for axis, value in enumerate(row)}} for number, row in enumerate(space.draws.z.tolist())
    ]
    place.keep("latent", figures, rows, [])


def _named(numbers: tuple[int, ...]) -> str:
    return f"sample {numbers[0]}" if len(numbers) == 1 else "mean of " + ", ".join(map(str, numbers))


def _pair(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise UserError(f"--between takes two samples by number, such as 0,1; got {text!r}.")
    return int(parts[0]), int(parts[1])


def _coordinates(text: str, dimension: int, strongest: Callable[[int], list[int]]) -> list[int]:
    if text.startswith("top") and text[3:].isdecimal() and int(text[3:]) > 0:
        return strongest(int(text[3:]))
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) < dimension for part in parts):
        raise UserError(f"--coordinates are numbers from 0 to {dimension - 1} with commas between, or topN such as top8; got {text!r}.")
    return [int(part) for part in parts]


@probe.command()
def neighbours(
    run: Run,
    n: Annotated[int, typer.Option(min=1, help="Samples.")] = 256,
    seed: Seed = 0,
    out: Out = None,
    family: Own = None,
    runs: Runs = RUNS,
) -> None:
    """The nearest training images of samples, in pixels and in features, beside how near held-out images lie: was anything memorised?"""
    from gantune.probes import plots
    from gantune.probes.neighbours import neighbours as measure
    from gantune.probes.opened import open_best
    from gantune.training.given import FEW

    place = Place.of(runs, run, out)
    opened = open_best(place.run, family)
    found = measure(opened, n=n, seed=seed, metrics=place.plan["metrics"])
    rows = [
        {"space": space.name, "sample": number}
        | {f"row{rank + 1}": int(space.rows[number, rank]) for rank in range(space.rows.shape[1])}
        | {f"distance{rank + 1}": float(space.distances[number, rank]) for rank in range(space.rows.shape[1])}
        for space in found.spaces
        for number in range(len(space.rows))
    ]
    said = [
        f"{space.name}: samples lie nearer to the training images than held-out ones in {space.nearer:.0%} of pairs (50% if unseen); "
        f"{int(space.copies.sum())} of {len(space.rows)} nearer than 99% of the held-out ones (1% expected)"
        for space in found.spaces
    ]
    if len(found.spaces[0].heldout) < FEW:
        said.append(
            f"Both rest on {len(found.spaces[0].heldout)} held-out pictures, which is few; samples that are all alike lie near anything."
        )
    title = f"{place.name} after {opened.kimg:.4g} kimg: the samples nearest to the training images"
    place.keep("neighbours", {"": plots.neighbours(found, title)}, rows, said)


@probe.command()
def landscape(
    run: Run,
    kimg: Annotated[float, typer.Option(help="Budget of each of the 20 trainings (25 where k is none of 1, 2, 3, 5).")] = 20,
    out: Out = None,
    family: Own = None,
    runs: Runs = RUNS,
) -> None:
    """d_loss and quality over lr_ratio x k around a run's configuration: a sweep of its own, gone on with where it was stopped."""
    from gantune.cli.driving import drive
    from gantune.probes import plots
    from gantune.probes.landscape import landscape as measure
    from gantune.probes.landscape import write_files
    from gantune.probes.opened import open_best
    from gantune.runtime.gpus import visible_gpus
    from gantune.spec import SweepSpec, load_sweep
    from gantune.sweep import resume_sweep, run_sweep
    from gantune.tracking.record import SweepRecord
    from gantune.tracking.store import SWEEP, frozen

    if not kimg > 0:
        raise UserError(f"--kimg is a number above 0, got {kimg:g}.")
    place = Place.of(runs, run, out)
    opened = open_best(place.run, family)
    plan = place.plan
    gpus = visible_gpus(local=False)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", f"landscape-{place.name}"[:60]) + f"-{kimg:g}"
    folder = runs / name
    if (folder / SWEEP).is_file():
        if SweepRecord.load(folder).status != "complete":
            drive(SweepSpec.from_json(frozen(folder)["spec"]), folder, lambda live: resume_sweep(folder, live=live))
    else:
        file = write_files(opened, place.out / "landscape", kimg=kimg, plan=plan, gpu=0.25 if gpus else 0)
        spec = load_sweep(str(file), name=name, runs=runs, gpus=gpus)
        drive(spec, folder, lambda live: run_sweep(spec, folder, live=live))
    training, equilibrium = opened.config.training, opened.config.family.equilibrium(opened.config.hparams)
    assert isinstance(training.k, int)
    own = (training.k, float(f"{training.lr_ratio:.4g}"))
    found = measure(SweepRecord.load(folder), own, None if equilibrium is None else equilibrium.value)
    rows = [
        {"k": k, "lr_ratio": ratio, found.metric: found.quality[row][column], "d_loss": found.d_loss[row][column]}
        for row, k in enumerate(found.ks)
        for column, ratio in enumerate(found.ratios)
    ]
    title = f"Around {place.name} (framed): {kimg:g} kimg each, one seed"
    place.keep("landscape", {"": plots.landscape(found, title)}, rows, [f"The trainings: sweep {name}"])

"""Single runs: train one, sample from one, compare two sets of images."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gantune.cli.app import RUNS, Json, Runs, Sets, app, print_json
from gantune.cli.refs import generator_path, own_name, run_folder
from gantune.cli.tables import print_table
from gantune.errors import UserError


@app.command()
def train(
    family: Annotated[str | None, typer.Argument(help="A family, or ./my_gan.py:MyGAN.")] = None,
    kimg: Annotated[float, typer.Option(help="Budget in thousands of images.")] = 60,
    data: Annotated[str | None, typer.Option(help="Data set; default: the family's.")] = None,
    sets: Sets = [],  # noqa: B006  # Typer reads the default and never changes it
    report_every: Annotated[float | None, typer.Option(help="kimg between reports; default: 4, or the budget.")] = None,
    from_run: Annotated[str | None, typer.Option("--from", metavar="RUN", help="Go on with a run's last checkpoint.")] = None,
    keep: Annotated[list[float], typer.Option(help="Keep the checkpoint at this many kimg for good; may be given again.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Folder of the run; one that was begun is continued.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; more than there are free cores make it many times slower.")] = 1,
    runs: Runs = RUNS,
) -> None:
    """Train one GAN without Ray: a line a report, checkpoints and pictures in the run's folder."""
    from gantune.cli.single import watching
    from gantune.single import plan_run, run_plan

    plan, notes = plan_run(
        family,
        kimg=kimg,
        data=data,
        sets=sets,
        report_every=min(4.0, kimg) if report_every is None else report_every,
        from_run=_folder(runs, from_run),
        out=out,
        keep=keep,
        threads=threads,
        runs=runs,
    )

    try:
        with watching(notes) as watch:
            verdict = run_plan(plan, watch.begin, watch.report)
    except KeyboardInterrupt:
        if not (Path(plan.folder) / "last.pt").is_file():
            raise
        go_on = f"gantune train --from {plan.folder} --out {plan.folder} --kimg {plan.kimg:g} --report-every {plan.report_every:g}"
        print(f"gantune: stopped. Go on with: {go_on}", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"{verdict.reason}: {verdict.evidence}")
    print(f"Pictures: {plan.folder}/grids  generator: {plan.folder}/generator.safetensors")


def _folder(runs: Path, ref: str | None) -> Path | None:
    return None if ref is None else run_folder(runs, ref)


@app.command()
def sample(
    run: Annotated[str, typer.Argument(help="A run such as dcgan-1/7, a sweep (its best), or a generator file.")],
    out: Annotated[Path | None, typer.Option(help=".png for a grid, .npz for arrays; default: a .png named after the run.")] = None,
    n: Annotated[int, typer.Option(min=1, help="How many.")] = 64,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    label: Annotated[str | None, typer.Option(help="Class or code to make, by number or name; attributes with commas between.")] = None,
    family: Annotated[str | None, typer.Option(help="For a family of your own: its code, ./my_gan.py:MyGAN.")] = None,
    runs: Runs = RUNS,
) -> None:
    """Samples of a run's best generator; where it is told labels or codes, a row of each in turn."""
    from gantune.generator_file import load_generator
    from gantune.pictures import sheet, write_npz, write_png

    if out is not None and out.suffix not in (".png", ".npz"):
        raise UserError(f"--out is a .png or .npz file, got {out}.")
    path = generator_path(runs, run)
    out = out or Path(f"samples-{own_name(path)}.png")
    generator = load_generator(path, family)
    samples = generator.sample(n, seed, label)
    replaced = ", which they replace" if out.exists() else ""
    if out.suffix == ".png":
        told = label is None and (samples.code is not None or (samples.y is not None and samples.y.ndim == 1))
        write_png(out, sheet(samples, columns=8 if told else max(1, math.ceil(math.sqrt(n)))), scale=2)
    else:
        write_npz(out, samples.x)
    at = f" after {generator.about['kimg']:.4g} kimg, its best report" if "kimg" in generator.about else ""
    print(f"{len(samples.x)} samples of {path}{at}, in {out}{replaced}")


@app.command()
def fid(
    a: Annotated[str, typer.Argument(metavar="A", help="Folder of images, or .npz with images or features.")],
    b: Annotated[str, typer.Argument(metavar="B")],
    extractor: Annotated[str, typer.Option(help="mnist_cnn, inception or raw; auto decides by the images.")] = "auto",
    weights: Annotated[str | None, typer.Option(help="File of the extractor's weights.")] = None,
    as_json: Json = False,
) -> None:
    """FID, KID, precision, recall, density and coverage between two sets of images."""
    from gantune.metrics.compare import compare

    result: dict[str, Any] = compare(a, b, extractor=extractor, weights=weights)
    if as_json:
        print_json(result)
        return
    print_table(["metric", "value"], [[key, f"{value:.6g}" if isinstance(value, float) else str(value)] for key, value in result.items()])

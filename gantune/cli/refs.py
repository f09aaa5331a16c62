"""What a RUN on the command line names: `dcgan-1/7`, `dcgan` (its latest sweep's best), a folder, a generator file."""

from __future__ import annotations

from pathlib import Path

from gantune.errors import UserError
from gantune.tracking.checkpoints import check_kept
from gantune.tracking.store import find_sweep

KINDS = ("trials", "finalists")  # a sweep's folders of runs


def run_folder(runs: Path, ref: str) -> Path:
    """The folder with the run's checkpoints. `UserError` when `ref` names none."""
    place = Path(ref)
    if (place / "plan.json").is_file():
        return place
    if (runs / ref / "plan.json").is_file():
        return runs / ref
    name, slash, trial = ref.partition("/")
    sweep = find_sweep(runs, name)
    if not slash:
        from gantune.tracking.record import SweepRecord  # which brings torch, and verbs that go to a cluster need none

        best = SweepRecord.load(sweep).best
        if best is None:
            raise UserError(f"sweep {sweep.name} has no finished trial yet; name one, such as {sweep.name}/1.")
        trial = best.id
    for kind in KINDS:
        for candidate in (trial, trial.zfill(4)):
            if (sweep / kind / candidate / "plan.json").is_file():
                return sweep / kind / candidate
    raise UserError(f"sweep {sweep.name} has no trial {trial!r}. `gantune show {sweep.name}` lists its trials.")


def own_name(generator: Path) -> str:
    """What a generator's samples are called by: dcgan-1-0007, or the file's own name where it was moved out of its run."""
    folder = generator.resolve().parent
    if not (folder / "plan.json").is_file():
        return generator.stem
    return f"{folder.parent.parent.name}-{folder.name}" if folder.parent.name in KINDS else folder.name


def generator_path(runs: Path, ref: str) -> Path:
    """The generator file of a run, or the file that `ref` itself is."""
    if ref.endswith(".safetensors"):
        return Path(ref)
    path = run_folder(runs, ref) / "generator.safetensors"
    check_kept(path)
    if not path.is_file():
        raise UserError(f"{ref} has no generator yet: its first report is still to come.")
    return path

"""The run that a probe is about, and where its pictures and data go."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantune.cli.refs import KINDS, own_name, run_folder
from gantune.errors import UserError
from gantune.tracking.checkpoints import check_kept

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Place:
    """The run that a probe is about, and where what it makes goes."""

    run: Path  # a folder, or a checkpoint in it
    folder: Path
    name: str
    out: Path

    @classmethod
    def of(cls, runs: Path, ref: str, out: Path | None) -> Place:
        run = Path(ref) if ref.endswith(".pt") else run_folder(runs, ref)
        if not run.exists():
            check_kept(run)
            raise UserError(f"there is no checkpoint {run}.")
        folder = run.parent if run.suffix == ".pt" else run
        return cls(run, folder, own_name(folder / "generator.safetensors"), out or folder / "probes")

    @property
    def plan(self) -> dict[str, Any]:
        """What the run was told. `UserError` when that is gone."""
        path = self.folder / "plan.json"
        try:
            content: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            raise UserError(f"{path} is missing or damaged: it says how the run was measured. Name the run's own folder.") from None
        return content

    def keep(self, name: str, figures: Mapping[str, Figure], data: Sequence[Mapping[str, Any]], said: Sequence[str]) -> None:
        """Write pictures and data, attach them to the run in MLflow, and say so after the lines `said`."""
        import pandas

        from gantune.probes import plots
        from gantune.tracking.artifacts import attach
        from gantune.tracking.store import SWEEP

        files = []
        for suffix, figure in figures.items():
            files.append(self.out / f"{name}{suffix}.png")
            plots.save(figure, files[-1])
        files.append(self.out / f"{name}.csv")
        pandas.DataFrame(list(data)).to_csv(files[-1], index=False)
        for line in said:
            print(line)
        print("Written: " + ", ".join(map(str, files)))
        sweep, trial = self.folder.parent.parent, self.folder.name
        if self.folder.parent.name in KINDS and (sweep / SWEEP).is_file():
            failed = attach(sweep, trial, files, "probes")
            print(f"MLflow: under probes/ of run {sweep.name}/{trial}" if failed is None else f"Not in MLflow: {failed}")

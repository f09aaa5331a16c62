"""A trained generator as one safetensors file that carries its own configuration, and the way back."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gantune.config import Config
from gantune.data import open_dataset
from gantune.durable import writing
from gantune.errors import UserError
from gantune.families import family_names, open_family
from gantune.families.base import Batch, Form, Samples
from gantune.training.given import Conditions, asked_labels, grid_labels, in_batches, joined
from gantune.training.seeds import generator


@dataclass(frozen=True)
class GeneratorFile:
    """A generator ready to sample from, in evaluation mode, with the configuration it was trained with."""

    config: Config
    form: Form
    net: nn.Module
    about: dict[str, Any]

    def sample(self, n: int, seed: int = 0, label: str | None = None) -> Samples:
        """`n` examples `.x` (n, C, H, W) in [-1, 1], or (n, 2) points; the same for the same seed.

        A family of labels or codes makes all of the one called `label`, else eight of each in turn, of attributes those of examples of its
        data. One that translates or ranks is given held-out examples of its data, as many as there are. Others go into `sample_given`.
        `UserError` where there is no such label.
        """
        config = self.config
        family = config.family
        if label is not None:
            return self.sample_given(Batch(torch.empty(n, 0), asked_labels(family, config.arch, self.form, label, n)), seed)
        if family.needs in ("pairs", "domains", "queries") or (family.needs == "labels" and self.form.attributes):
            dataset = open_dataset(config.data, config.prepare.image_size)
            return self.sample_given(Conditions(family, config.arch, dataset, torch.device("cpu"))(n, seed, "score"), seed)
        return self.sample_given(Batch(torch.empty(n, 0), grid_labels(family, config.arch, self.form, n, columns=8)), seed)

    @torch.no_grad()
    def sample_given(self, given: Batch, seed: int = 0) -> Samples:
        """A sample for each of the conditions `given`: labels `y`, pictures `source` in [-1, 1], or queries `x`."""
        source = generator(torch.device("cpu"), seed, "sample")
        config = self.config
        parts = []
        for some in in_batches(given):
            draws = config.family.draw(config.arch, config.hparams, self.form, len(some), source)
            parts.append(config.family.sample(self.net, draws, some))
        return joined(parts)


def export_generator(path: Path, config: Config, family: str, form: Form, net: nn.Module, about: dict[str, Any]) -> None:
    """Write `net`'s weights and `config` to `path`, whole or not at all. `about` is any JSON worth keeping beside them."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    described = {"family": family, "data": config.data, "values": config.flat(), "form": dataclasses.asdict(form), "about": about}
    weights = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path, partial):
        try:
            save_file(weights, partial, metadata={"gantune": json.dumps(described)})
        except SafetensorError as error:
            raise _of_disk(error) from error
        os.replace(partial, path)


def _of_disk(error: Exception) -> Exception:
    """The operating system's error behind one of safetensors, which tells its number in words only; else the error itself."""
    match = re.search(r"\(os error (\d+)\)", str(error))
    return error if match is None else OSError(int(match[1]), os.strerror(int(match[1])))


def load_generator(path: Path | str, family: str | None = None) -> GeneratorFile:
    """The generator in a file that `export_generator` wrote. `UserError` when it is missing, damaged or something else.

    A family of a user's own is code, which a file may name but never has run: `family` (`./my_gan.py:MyGAN`) must be given for it.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no generator file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})["gantune"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except (SafetensorError, KeyError, ValueError):
        raise UserError(f"{path} is damaged, or no generator that gantune exported.") from None
    ref = trusted_family(described["family"], family, f"{path}")
    config = Config.of(open_family(ref), described["data"], described["values"])
    kept = described["form"]
    form = Form(**kept | {name: tuple(kept[name]) for name in ("shape", "source", "names") if kept.get(name) is not None})
    net = config.family.build(config.arch, form).g
    net.load_state_dict(weights)
    return GeneratorFile(config, form, net.eval(), described["about"])


def trusted_family(named: str, given: str | None, where: str) -> str:
    """The family to open for a file that names `named`: a bundled one, or the user's own code that is `given` and of the same class."""
    if given is None and named in family_names():
        return named
    if given is None:
        raise UserError(
            f"{where} was made by a family of your own ({named}); give the code to run, such as --family ./{Path(named).name} "
            f"(after `train --from` without --family)."
        )
    if given.rpartition(":")[2] != named.rpartition(":")[2]:
        raise UserError(f"{where} is of family {named}, not of {given}.")
    return given

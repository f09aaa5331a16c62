"""The registry of families: bundled ones by name, a user's own by `./file.py:Class`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantune.errors import UserError, did_you_mean
from gantune.families.base import Equilibrium, Family
from gantune.families.began import BEGAN
from gantune.families.bigan import BiGAN
from gantune.families.cgan import CGAN
from gantune.families.cyclegan import CycleGAN
from gantune.families.dcgan import DCGAN
from gantune.families.discogan import DiscoGAN
from gantune.families.dragan import DRAGAN
from gantune.families.ebgan import EBGAN
from gantune.families.fgan import FGAN
from gantune.families.gan import GAN
from gantune.families.hinge_gan import HingeGAN
from gantune.families.infogan import InfoGAN
from gantune.families.irgan import IRGAN
from gantune.families.ls_gan import LossSensitiveGAN
from gantune.families.lsgan import LSGAN
from gantune.families.noise_gan import NoiseGAN
from gantune.families.pix2pix import Pix2Pix
from gantune.families.wgan import WGAN
from gantune.families.wgan_gp import WGANGP
from gantune.params import make, params_of
from gantune.user_code import run_file, trusting

_BUNDLED: tuple[type[Family[Any, Any]], ...] = (
    GAN,
    DCGAN,
    CGAN,
    WGAN,
    WGANGP,
    NoiseGAN,
    LSGAN,
    LossSensitiveGAN,
    HingeGAN,
    DRAGAN,
    EBGAN,
    BEGAN,
    FGAN,
    InfoGAN,
    BiGAN,
    IRGAN,
    Pix2Pix,
    CycleGAN,
    DiscoGAN,
)
FAMILIES: dict[str, type[Family[Any, Any]]] = {family.name: family for family in _BUNDLED}


def family_names() -> tuple[str, ...]:
    """The bundled families, in the order of their papers."""
    return tuple(FAMILIES)


def open_family(ref: str) -> Family[Any, Any]:
    """The family `ref` names: a bundled one, or `path/to/file.py:Class`, whose code is run. `UserError` when there is none."""
    if ref in FAMILIES:
        return FAMILIES[ref]()
    path, colon, attribute = ref.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise UserError(f"unknown family {ref!r}. {did_you_mean(ref, FAMILIES)} Your own: ./my_gan.py:MyGAN")
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise UserError(f"family {ref!r}: there is no file {file}.")
    family = getattr(run_file(file, f"family {ref!r}: "), attribute, None)
    if not (isinstance(family, type) and issubclass(family, Family)):
        raise UserError(f"family {ref!r}: {file.name} has no subclass of gantune.families.base.Family called {attribute}.")
    with trusting(f"family {ref!r}"):
        opened = family()
        for settings in (opened.Arch, opened.Hparams):
            params_of(settings)
        if not isinstance(opened.canonical, Mapping):
            raise UserError(f"canonical is a dict of parameters, got {opened.canonical!r}.")
        own = {name: value for name, value in opened.canonical.items() if name in params_of(opened.Hparams)}
        found = opened.equilibrium(make(opened.Hparams, own))
        if not (found is None or isinstance(found, Equilibrium)):
            raise UserError(f"equilibrium gives an Equilibrium or None, got {found!r}.")
    return opened

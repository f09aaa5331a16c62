"""An autoencoder as discriminator (Zhao et al. 2016, arXiv:1609.03126; Berthelot et al. 2017, arXiv:1703.10717)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from torch import Tensor, nn

from gantune.data.dataset import Form
from gantune.nets.norms import spectrally_normalised
from gantune.nets.standard import StandardArch, make_generator, make_trunk
from gantune.params import param


@dataclass(frozen=True)
class AutoencoderArch(StandardArch):
    """D squeezes an example through a code; its decoder is built like the generator, from the code instead of z."""

    code_dim: int = param(64, "numbers in the code between D's encoder and decoder", low=1, high=65536)


class Autoencoder(nn.Module):
    """x (N, *shape) → its reconstruction (N, *shape) and its code (N, code_dim); `bounded` as in `make_generator`."""

    def __init__(self, arch: AutoencoderArch, form: Form, *, bounded: bool = True) -> None:
        super().__init__()
        trunk, width = make_trunk(dataclasses.replace(arch, spectral_norm=False), form)
        self.encoder = nn.Sequential(trunk, nn.Linear(width, arch.code_dim))
        self.decoder = make_generator(
            dataclasses.replace(arch, g_net="same", g_norm=arch.d_norm), form, inputs=arch.code_dim, bounded=bounded
        )
        if arch.spectral_norm:
            spectrally_normalised(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encoder(x)
        return self.decoder(code), code

"""Players that are told a label, an attribute vector or a latent code beside their input."""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantune.data.dataset import Form
from gantune.nets.norms import spectrally_normalised
from gantune.nets.standard import StandardArch, kind_of, make_discriminator, make_generator, make_trunk


def label_width(form: Form) -> int:
    """Numbers in a label as networks see it: one for each class or attribute."""
    return form.classes or form.attributes


def as_vectors(y: Tensor, width: int) -> Tensor:
    """Classes (N,) as one-hot, attributes (N, A) as they are → (N, width) float32."""
    return (F.one_hot(y, width) if y.ndim == 1 else y).float()


def label_embedding(form: Form, size: int) -> nn.Linear:
    """(N, `label_width`) → (N, size), each number about N(0, 1) at the start, like z. Smaller ones go unheard: with torch's own
    initialisation both players of a small cgan ignored the label, and G collapsed."""
    width = label_width(form)
    embed = nn.Linear(width, size)
    nn.init.normal_(embed.weight, std=1.0 if form.classes else math.sqrt(2 / width))  # one class, or about half of the attributes
    nn.init.zeros_(embed.bias)
    return embed


class ConditionalGenerator(nn.Module):
    """z (N, latent_dim), y → example: the label's embedding stands beside z."""

    def __init__(self, arch: StandardArch, form: Form, embedding: int) -> None:
        super().__init__()
        self.width = label_width(form)
        self.embed = label_embedding(form, embedding)
        self.net = make_generator(arch, form, inputs=arch.latent_dim + embedding)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.net(torch.cat([z, self.embed(as_vectors(y, self.width))], 1))
        return out


class ConditionalDiscriminator(nn.Module):
    """x (N, *shape), y → logit (N,): the label's embedding comes as further channels, the same at every place, or beside the numbers."""

    def __init__(self, arch: StandardArch, form: Form, embedding: int) -> None:
        super().__init__()
        self.width = label_width(form)
        self.embed = label_embedding(form, embedding)
        self.as_maps = form.is_image and kind_of(arch.net, form) != "mlp"
        size = form.shape[0] if self.as_maps else math.prod(form.shape)
        shape = (size + embedding, *form.shape[1:]) if self.as_maps else (size + embedding,)
        self.net = make_discriminator(dataclasses.replace(arch, net=kind_of(arch.net, form)), dataclasses.replace(form, shape=shape))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        told = self.embed(as_vectors(y, self.width))
        if self.as_maps:
            told = told[:, :, None, None].expand(-1, -1, *x.shape[2:])
        else:
            x = x.flatten(1)
        out: Tensor = self.net(torch.cat([x, told], 1))
        return out


class PairDiscriminator(nn.Module):
    """x (N, *shape), z (N, latent_dim) → logit (N,): two hidden layers over x's trunk and z side by side (as in BiGAN)."""

    def __init__(self, arch: StandardArch, form: Form) -> None:
        super().__init__()
        self.trunk, width = make_trunk(arch, form)
        joint = max(arch.hidden, 2 * arch.latent_dim)
        self.of_z = nn.Sequential(nn.Linear(arch.latent_dim, joint), nn.LeakyReLU(0.2))
        self.head = nn.Sequential(nn.Linear(width + joint, joint), nn.LeakyReLU(0.2), nn.Linear(joint, 1))
        if arch.spectral_norm:
            spectrally_normalised(self.of_z)
            spectrally_normalised(self.head)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        out: Tensor = self.head(torch.cat([self.trunk(x), self.of_z(z)], 1))
        return out.squeeze(1)

"""What the trainer itself can be told: rates, optimiser, k, averaging, noise, precision."""

from __future__ import annotations

from dataclasses import dataclass

from gantune.params import param
from gantune.training.augment import CHOICES as AUGMENTATIONS

Steps = tuple[tuple[float, float], ...]  # ((kimg, value), ...) in order: `value` holds from `kimg` on


@dataclass(frozen=True)
class Training:
    """The trainer's settings; the same for every family. Rates are per step, times are absolute kimg."""

    lr_g: float = param(2e-4, "the generator's learning rate", low=0, high=1, open_low=True)
    lr_ratio: float = param(1.0, "lr_d / lr_g", low=0, high=1e4, open_low=True)
    k: int | Steps = param(1, "discriminator steps in a cycle", low=1, high=1000, schedule=True)
    g_steps: int | Steps = param(1, "generator steps in a cycle, so that k / g_steps = 1/2 is expressible", low=1, high=1000, schedule=True)
    d_warmup: float = param(0.0, "kimg in which only the discriminator trains, at the start", low=0)
    batch: int = param(64, "images in a batch", low=1, high=65536)
    optimiser: str = param("adam", "the optimiser of both players", choices=("adam", "rmsprop", "sgd"))
    beta1: float = param(0.5, "Adam's first decay; the momentum of rmsprop and sgd is `momentum`", low=0, high=1, open_high=True)
    beta2: float = param(0.999, "Adam's second decay", low=0, high=1, open_high=True)
    momentum: float = param(0.0, "momentum of rmsprop and sgd", low=0, high=1, open_high=True)
    weight_decay: float = param(0.0, "L2 penalty of the optimiser", low=0, high=1)
    lr_decay: str = param("none", "how both rates fall, from lr_decay_start on", choices=("none", "linear", "cosine", "halving"))
    lr_decay_start: float = param(0.0, "kimg at which the rates begin to fall", low=0)
    lr_decay_kimg: float = param(1000.0, "kimg over which they fall to 0; for `halving`, in which they halve", low=0, open_low=True)
    ema_kimg: float = param(0.0, "half-life of the generator's weight average in kimg; 0 is off", low=0)
    noise: float = param(0.0, "std of the Gaussian added to all inputs of D at the start; images lie in [-1, 1]", low=0, high=10)
    noise_kimg: float = param(0.0, "kimg in which that noise falls linearly to 0; 0 keeps it", low=0)
    augment: str = param("none", "differentiable augmentation of all pictures that D sees, for small data", choices=AUGMENTATIONS)
    precision: str = param("float32", "arithmetic of the networks", choices=("float32", "bf16"))
    seed: int = param(0, "seed of initialisation, data order and draws", low=0, high=2**31 - 1)

    @property
    def lr_d(self) -> float:
        """The discriminator's learning rate."""
        return self.lr_g * self.lr_ratio

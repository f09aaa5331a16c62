"""One training loop for all families: Goodfellow's Algorithm 1 with k as a schedule, a budget in kimg, exact resume."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gantune.config import Config
from gantune.data import Batches, Dataset, to_unit
from gantune.families.base import Batch, Draws
from gantune.training.averaging import WeightAverage, has_batch_norm, recalibrate
from gantune.training.meters import Meter, verdicts_of_d
from gantune.training.optimisers import make_optimiser, set_rate
from gantune.training.schedule import lr_factor, noise_at, value_at
from gantune.training.seeds import GlobalDraws, generator, initialisation
from gantune.training.views import View

SAMPLE_BATCH = 250
RECALIBRATION_BATCHES = 16


class Trainer:
    """Trains one configuration on one device. Its whole state goes in and out of `state()` and `load_state()`.

    On the CPU a run that was saved and loaded continues bit for bit like one that was never interrupted.
    """

    def __init__(self, config: Config, dataset: Dataset, device: torch.device) -> None:
        self.config, self.dataset, self.device = config, dataset, device
        self.family, self.training = config.family, config.training
        seed = self.training.seed
        with initialisation(seed):
            players = self.family.build(config.arch, dataset.shape)
        layout = torch.channels_last if len(dataset.shape) == 3 else torch.contiguous_format
        self.g: nn.Module = players.g.to(device).to(memory_format=layout)
        self.d: nn.Module = players.d.to(device).to(memory_format=layout)
        self.opt_g = make_optimiser(self.g, self.training.lr_g, self.training)
        self.opt_d = make_optimiser(self.d, self.training.lr_d, self.training)
        self.average = WeightAverage(self.g, self.training.ema_kimg) if self.training.ema_kimg else None
        self.memo = {name: value.to(device) for name, value in self.family.memo(config.arch, config.hparams).items()}
        self.batches = Batches(_placed(dataset.train, device), self.training.batch, seed, labels=dataset.labels, device=device)
        self.draws = generator(device, seed, "draws")
        self.noise = generator(device, seed, "noise")
        self.global_draws = GlobalDraws([self.g, self.d], device, seed)
        bf16 = self.training.precision == "bf16"
        self.seen_g = View(self.g, bf16)
        self.seen_d = View(self.d, bf16, self.noise)
        self.d_steps = self.g_steps = 0
        self.seconds = 0.0
        self.d_meter, self.g_meter = Meter(device), Meter(device)
        self._read_at = (0, 0.0)  # images and seconds at the last reading
        self._calibrated_at = -1  # generator steps when the averaged net's statistics were last made its own

    @property
    def d_images(self) -> int:
        """Real images shown in discriminator steps."""
        return self.d_steps * self.training.batch

    @property
    def g_images(self) -> int:
        """Images generated for generator steps."""
        return self.g_steps * self.training.batch

    @property
    def kimg(self) -> float:
        """The price paid so far: thousands of (real images in D steps + generated images in G steps) / 2."""
        return (self.d_images + self.g_images) / 2000

    def train_to(self, kimg: float) -> None:
        """Whole cycles until `kimg` is reached; device seconds are counted."""
        start = self._now()
        with self.global_draws.swapped():
            while self.kimg < kimg:
                self._cycle()
        self.seconds += self._now() - start

    def _cycle(self) -> None:
        kimg, training = self.kimg, self.training
        factor = lr_factor(training, kimg)
        set_rate(self.opt_g, training.lr_g * factor)
        set_rate(self.opt_d, training.lr_d * factor)
        self.seen_d.sigma = noise_at(training, kimg)
        for _ in range(int(value_at(training.k, kimg))):
            self._d_step()
        if kimg < training.d_warmup:
            return
        for _ in range(int(value_at(training.g_steps, kimg))):
            self._g_step()
        if self.average is not None:
            self.average.update(self.g, self.kimg - kimg)

    def _d_step(self) -> None:
        family, hp = self.family, self.config.hparams
        self._give_gradients_to(self.d)
        batch = self.batches(self.d_steps)
        draws = family.draw(self.config.arch, self.training.batch, self.draws)
        loss, aux = family.d_loss(self.seen_g, self.seen_d, batch, draws, hp, self.memo)
        self.opt_d.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = _gradient_norm(self.d)
        self.opt_d.step()
        family.project(self.d, hp)
        self.d_steps += 1
        family.remember(self.memo, aux, hp, self.kimg)
        penalty = {"d_penalty": aux["d_penalty"]} if "d_penalty" in aux else {}
        verdicts = verdicts_of_d(aux["d_real"], aux["d_fake"], family.decision)
        self.d_meter.add({"d_loss": aux["d_adv"], **verdicts, "d_grad_norm": norm, **penalty})

    def _g_step(self) -> None:
        family = self.family
        self._give_gradients_to(self.g)
        draws = family.draw(self.config.arch, self.training.batch, self.draws)
        batch = self.batches(self.d_steps)
        loss, _ = family.g_loss(self.seen_g, self.seen_d, batch, draws, self.config.hparams, self.memo)
        self.opt_g.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.g_meter.add({"g_loss": loss, "g_grad_norm": _gradient_norm(self.g)})
        self.opt_g.step()
        self.g_steps += 1

    def _give_gradients_to(self, player: nn.Module) -> None:
        self.g.requires_grad_(player is self.g)
        self.d.requires_grad_(player is self.d)

    def signals(self) -> dict[str, float]:
        """What the steps since the last call showed, as means, with the counters: the one host synchronisation a report."""
        images = self.d_images + self.g_images
        images_before, seconds_before = self._read_at
        self._read_at = (images, self.seconds)
        spent = self.seconds - seconds_before
        kimg = self.kimg
        factor = lr_factor(self.training, kimg)
        return (
            self.d_meter.read()
            | self.g_meter.read()
            | {
                "kimg": kimg,
                "images": images // 2,
                "d_images": self.d_images,
                "g_images": self.g_images,
                "d_steps": self.d_steps,
                "g_steps": self.g_steps,
                "seconds": self.seconds,
                "images_per_s": (images - images_before) / 2 / spent if spent > 0 else float("nan"),
                "lr_g": self.training.lr_g * factor,
                "lr_d": self.training.lr_d * factor,
                "k": value_at(self.training.k, kimg) / value_at(self.training.g_steps, kimg),
                **({"noise": noise_at(self.training, kimg)} if self.training.noise else {}),
            }
        )

    @property
    def batch_norm_mode(self) -> str:
        """Which batch-norm statistics `sample` uses."""
        if not has_batch_norm(self.g):
            return "none"
        return "running" if self.average is None else "recalibrated"

    def sampler(self) -> nn.Module:
        """The generator that pictures and metrics are made with, in evaluation mode: the averaged one where there is one."""
        if self.average is None:
            return self.g
        if has_batch_norm(self.g) and self._calibrated_at != self.g_steps:
            self._calibrated_at = self.g_steps
            calibration = generator(self.device, self.training.seed, "recalibration")
            inputs = (self.family.draw(self.config.arch, SAMPLE_BATCH, calibration).z for _ in range(RECALIBRATION_BATCHES))
            recalibrate(self.average.net, inputs)
        return self.average.net

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Tensor:
        """`n` fresh examples (n, C, H, W) in [-1, 1], or (n, 2); the same for the same weights and seed."""
        net, source = self.sampler(), generator(self.device, seed, "sample")
        with _evaluating(net):
            parts = [self.family.sample(View(net, self.seen_g.bf16), draws) for draws in self._draw_in_batches(n, source)]
        return torch.cat(parts)

    def d_loss_heldout(self, n: int, seed: int) -> float:
        """`d_adv` in evaluation mode on held-out real examples and as many fresh samples: the honest ln 2 reading."""
        source = generator(self.device, seed, "heldout")
        eyes = View(self.d, self.seen_d.bf16, generator(self.device, seed, "heldout-noise"), noise_at(self.training, self.kimg))
        real, labels = self.dataset.heldout[:n], self.dataset.heldout_labels
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        with torch.no_grad(), _evaluating(self.g, self.d):
            start = 0
            for draws in self._draw_in_batches(len(real), source):
                stop = start + len(draws.z)
                batch = Batch(to_unit(real[start:stop].to(self.device)), None if labels is None else labels[start:stop].to(self.device))
                _, aux = self.family.d_loss(self.seen_g, eyes, batch, draws, self.config.hparams, self.memo)
                total += aux["d_adv"].double() * (stop - start)
                start = stop
        return float(total / len(real))

    def _draw_in_batches(self, n: int, source: torch.Generator) -> Iterator[Draws]:
        for start in range(0, n, SAMPLE_BATCH):
            yield self.family.draw(self.config.arch, min(SAMPLE_BATCH, n - start), source)

    def state(self) -> dict[str, Any]:
        """Everything the rest of the run depends on; tensors, numbers and texts only."""
        return {
            "g": self.g.state_dict(),
            "d": self.d.state_dict(),
            "average": self.average.net.state_dict() if self.average else None,
            "opt_g": self.opt_g.state_dict(),
            "opt_d": self.opt_d.state_dict(),
            "memo": self.memo,
            "draws": self.draws.get_state(),
            "noise": self.noise.get_state(),
            "global_draws": self.global_draws.state,
            "d_steps": self.d_steps,
            "g_steps": self.g_steps,
            "seconds": self.seconds,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave. The networks must be those of this configuration."""
        self.g.load_state_dict(state["g"])
        self.d.load_state_dict(state["d"])
        if self.average is not None:
            self.average.net.load_state_dict(state["average"])
        self.opt_g.load_state_dict(state["opt_g"])
        self.opt_d.load_state_dict(state["opt_d"])
        for name, value in self.memo.items():
            value.copy_(state["memo"][name])
        self.draws.set_state(state["draws"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self.global_draws.state = state["global_draws"].cpu()
        self.d_steps, self.g_steps, self.seconds = state["d_steps"], state["g_steps"], state["seconds"]
        self._read_at = (self.d_images + self.g_images, self.seconds)
        self._calibrated_at = -1

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def _placed(examples: Tensor, device: torch.device) -> Tensor:
    """On the device when that leaves it half of its free memory; else where they are, and batches travel."""
    if device.type == "cuda" and examples.numel() * examples.element_size() > torch.cuda.mem_get_info(device)[0] / 2:
        return examples
    return examples.to(device)


def _gradient_norm(net: nn.Module) -> Tensor:
    gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)


@contextmanager
def _evaluating(*nets: nn.Module) -> Iterator[None]:
    modes = [net.training for net in nets]
    for net in nets:
        net.eval()
    try:
        yield
    finally:
        for net, mode in zip(nets, modes, strict=True):
            net.train(mode)

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
from gantune.families.base import Batch, Draws, Samples
from gantune.nets.norms import has_batch_norm
from gantune.signals import SIGNALS
from gantune.training.augment import policies
from gantune.training.averaging import WeightAverage, recalibrating
from gantune.training.given import SAMPLE_BATCH, Conditions, Part, in_batches, joined
from gantune.training.meters import Meter, verdicts_of_d
from gantune.training.optimisers import make_optimiser, set_decays, set_rate
from gantune.training.schedule import lr_factor, noise_at, value_at
from gantune.training.seeds import GlobalDraws, generator, initialisation
from gantune.training.views import View

RECALIBRATION_BATCHES = 16


class Trainer:
    """Trains one configuration on one device. Its whole state goes in and out of `state()` and `load_state()`.

    On the CPU a run that was saved and loaded continues bit for bit like one that was never interrupted.
    """

    def __init__(self, config: Config, dataset: Dataset, device: torch.device) -> None:
        self.config, self.dataset, self.device = config, dataset, device
        self.family, self.training = config.family, config.training
        self.form = dataset.form
        config.check_fits(self.form)
        self.conditions = Conditions(self.family, config.arch, dataset, device)
        seed = self.training.seed
        with initialisation(seed):
            players = config.build(self.form)
        layout = torch.channels_last if self.form.is_image else torch.contiguous_format
        self.g: nn.Module = players.g.to(device).to(memory_format=layout)
        self.d: nn.Module = players.d.to(device).to(memory_format=layout)
        self.opt_g = make_optimiser(self.g, self.training.lr_g, self.training)
        self.opt_d = make_optimiser(self.d, self.training.lr_d, self.training)
        self.average = WeightAverage(self.g, self.training.ema_kimg) if self.training.ema_kimg else None
        self.memo = {name: value.to(device) for name, value in self.family.memo(config.arch, config.hparams, self.form).items()}
        self.batches = Batches(dataset, self.training.batch, seed, device)
        self.draws = generator(device, seed, "draws")
        self.noise = generator(device, seed, "noise")
        self.global_draws = GlobalDraws([self.g, self.d], device, seed)
        bf16 = self.training.precision == "bf16"
        self.seen_g = View(self.g, bf16)
        self.seen_d = View(self.d, bf16, self.noise, policies=policies(self.training.augment))
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
            self.d_step()
        if kimg < training.d_warmup:
            return
        for number in range(int(value_at(training.g_steps, kimg))):
            self._g_step(number)
        if self.average is not None:
            self.average.update(self.g, self.kimg - kimg)

    def d_step(self) -> None:
        """One step of D, G standing still."""
        family, hp = self.family, self.config.hparams
        self._give_gradients_to(self.d)
        batch, draws = self.batches(self.d_steps), self.draw(self.training.batch, self.draws)
        loss, aux = family.d_loss(self.seen_g, self.seen_d, batch, draws, hp, self.memo)
        self.opt_d.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = _gradient_norm(self.d)
        self.opt_d.step()
        family.project(self.d, hp)
        self.d_steps += 1
        family.remember(self.memo, aux, hp, self.kimg)
        verdicts = verdicts_of_d(aux["d_real"], aux["d_fake"], family.decision)
        self.d_meter.add({"d_loss": aux["d_adv"], **verdicts, "d_grad_norm": norm} | _signals_in(aux))

    def _g_step(self, number: int = 0) -> None:
        """The `number`-th of a round, counted from 0; each has a batch of its own."""
        family = self.family
        self._give_gradients_to(self.g)
        batch, draws = self.batches(self.d_steps + number), self.draw(self.training.batch, self.draws)
        loss, aux = family.g_loss(self.seen_g, self.seen_d, batch, draws, self.config.hparams, self.memo)
        self.opt_g.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.g_meter.add({"g_loss": loss, "g_grad_norm": _gradient_norm(self.g)} | _signals_in(aux))
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
            source = generator(self.device, self.training.seed, "recalibration")
            with recalibrating(self.average.net):
                for number in range(RECALIBRATION_BATCHES):
                    given = self.conditions.for_statistics(SAMPLE_BATCH, number)
                    self.family.sample(View(self.average.net, self.seen_g.bf16), self.draw(len(given), source), given)
        return self.average.net

    def sample(self, n: int, seed: int, part: Part = "report") -> Samples:
        """Up to `n` fresh samples (see `Conditions.count`), shaped like the data; the same for the same weights and seed."""
        return self.sample_given(self.conditions(n, seed, part), seed)

    @torch.no_grad()
    def sample_given(self, given: Batch, seed: int) -> Samples:
        """A sample for each of the conditions `given`."""
        net, source = self.sampler(), generator(self.device, seed, "sample")
        view = View(net, self.seen_g.bf16)
        with evaluating(net):
            parts = [self.family.sample(view, self.draw(len(some), source), some) for some in in_batches(given)]
        return joined(parts)

    def heldout(self, n: int, seed: int) -> dict[str, float]:
        """D in evaluation mode on held-out real examples and as many fresh samples: `d_loss`, the honest ln 2 reading, and how often it is
        right, `d_acc_real` and `d_acc_fake`."""
        source = generator(self.device, seed, "heldout")
        noise = generator(self.device, seed, "heldout-noise")
        data = self.dataset
        rest = (data.heldout_labels, data.heldout_source)
        heldout = Batch(data.heldout[:n], *(None if part is None else part[:n] for part in rest))
        meter, count = torch.zeros(3, device=self.device, dtype=torch.float64), 0
        with torch.no_grad(), evaluating(self.g, self.d):
            eyes = View(self.d, self.seen_d.bf16, noise, noise_at(self.training, self.kimg), self.seen_d.policies)
            for some in in_batches(heldout):
                batch = _placed(some, self.device)
                _, aux = self.family.d_loss(self.seen_g, eyes, batch, self.draw(len(batch), source), self.config.hparams, self.memo)
                right = verdicts_of_d(aux["d_real"], aux["d_fake"], self.family.decision)
                meter += torch.stack([aux["d_adv"], right["d_acc_real"], right["d_acc_fake"]]).double() * len(batch)
                count += len(batch)
        return dict(zip(("d_loss", "d_acc_real", "d_acc_fake"), (meter / count).tolist(), strict=True))

    def draw(self, n: int, source: torch.Generator) -> Draws:
        """The family's randomness for `n` examples."""
        return self.family.draw(self.config.arch, self.config.hparams, self.form, n, source)

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
        """Continue from what `state()` gave. The networks must be those of this configuration; rates and losses may be others."""
        self.g.load_state_dict(state["g"])
        self.d.load_state_dict(state["d"])
        if self.average is not None:
            self.average.net.load_state_dict(state["average"])
        self.opt_g.load_state_dict(state["opt_g"])
        self.opt_d.load_state_dict(state["opt_d"])
        for optimiser in (self.opt_g, self.opt_d):
            set_decays(optimiser, self.training)
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


def _signals_in(aux: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in aux.items() if name in SIGNALS}


def _placed(stored: Batch, device: torch.device) -> Batch:
    """Stored examples as a step sees them."""
    y, source = stored.y, stored.source
    return Batch(to_unit(stored.x.to(device)), None if y is None else y.to(device), None if source is None else to_unit(source.to(device)))


def _gradient_norm(net: nn.Module) -> Tensor:
    gradients = [weight.grad for weight in net.parameters() if weight.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)


@contextmanager
def evaluating(*nets: nn.Module) -> Iterator[None]:
    """The nets are in evaluation mode inside, and afterwards as they were."""
    modes = [net.training for net in nets]
    for net in nets:
        net.eval()
    try:
        yield
    finally:
        for net, mode in zip(nets, modes, strict=True):
            net.train(mode)

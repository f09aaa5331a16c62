"""DCGAN training steps per second: gantune's trainer against a plain loop, side by side.

The plain loop is what one writes after the PyTorch tutorial: a DataLoader that transforms each image, float32, contiguous
layout, eager, Adam as it comes, `.item()` for the progress line in each step. Both sides train the same networks at the same
sizes with the same number of threads, each in a process of its own as it would in life, in turns; the ratio is taken turn by turn.

    python benchmarks/throughput.py [--threads 1] [--features 16] [--steps 40] [--turns 5] [--device cpu]
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from gantune.config import Config
from gantune.data import Dataset, open_dataset
from gantune.families import open_family
from gantune.training.allocator import keep_freed_memory
from gantune.training.trainer import Trainer


class Pictures(TorchDataset):
    """Images as the torchvision data sets give them: PIL, transformed one by one."""

    def __init__(self, dataset: Dataset) -> None:
        to_pil = transforms.ToPILImage()
        self.images = [to_pil(image) for image in dataset.train]
        channels = dataset.shape[0]
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * channels, [0.5] * channels)])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(self.images[index])


def plain_loop(config: Config, dataset: Dataset, device: torch.device) -> Callable[[int], None]:
    """The tutorial's loop on gantune's networks."""
    players = config.family.build(config.arch, dataset.form)
    g, d = players.g.to(device), players.d.to(device)
    rates = config.training
    opt_g = torch.optim.Adam(g.parameters(), rates.lr_g, (rates.beta1, rates.beta2))
    opt_d = torch.optim.Adam(d.parameters(), rates.lr_d, (rates.beta1, rates.beta2))
    loader = DataLoader(Pictures(dataset), rates.batch, shuffle=True, drop_last=True, num_workers=0)
    endless: Iterator[torch.Tensor] = itertools.chain.from_iterable(itertools.repeat(loader))
    loss = nn.BCEWithLogitsLoss()
    real_label = torch.ones(rates.batch, device=device)
    fake_label = torch.zeros(rates.batch, device=device)

    def run(steps: int) -> None:
        for _ in range(steps):
            d.zero_grad()
            real = next(endless).to(device)
            loss_real = loss(d(real), real_label)
            loss_real.backward()
            fake = g(torch.randn(rates.batch, config.arch.latent_dim, device=device))
            loss_fake = loss(d(fake.detach()), fake_label)
            loss_fake.backward()
            opt_d.step()
            g.zero_grad()
            loss_g = loss(d(fake), real_label)
            loss_g.backward()
            opt_g.step()
            _ = loss_real.item() + loss_fake.item(), loss_g.item()

    return run


def ours(config: Config, dataset: Dataset, device: torch.device) -> Callable[[int], None]:
    """gantune's trainer: one cycle is one D step and one G step."""
    trainer = Trainer(config, dataset, device)

    def run(steps: int) -> None:
        trainer.train_to((trainer.d_steps + steps) * config.training.batch / 1000)

    return run


def side(options: argparse.Namespace, which: str, pipe: Connection) -> None:
    """A process that runs `options.steps` steps and answers with their wall seconds whenever it is asked."""
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    dataset = open_dataset("mnist5k", 32)
    values = {"features": options.features, "batch": options.batch}
    if which == "plain":
        run = plain_loop(Config.of(open_family("dcgan"), "mnist5k", values), dataset, device)
    else:
        keep_freed_memory()  # as a trial does
        run = ours(Config.of(open_family("dcgan"), "mnist5k", values | {"precision": which}), dataset, device)
    run(10)
    pipe.send(0.0)
    while pipe.recv():
        start = time.perf_counter()
        run(options.steps)
        if device.type == "cuda":
            torch.cuda.synchronize()
        pipe.send(time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    sides = ("plain", "float32", "bf16")
    context = multiprocessing.get_context("spawn")
    pipes = {}
    for which in sides:
        ours_end, theirs = context.Pipe()
        context.Process(target=side, args=(options, which, theirs), daemon=True).start()
        pipes[which] = ours_end
    for pipe in pipes.values():
        pipe.recv()
    times: dict[str, list[float]] = {which: [] for which in sides}
    for _ in range(options.turns):
        for which, pipe in pipes.items():
            pipe.send(True)
            times[which].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(False)
    name = torch.cuda.get_device_name() if options.device == "cuda" else f"{platform.machine()} CPU, {options.threads} thread(s)"
    sizes = f"features {options.features}, batch {options.batch}, 32 x 32"
    print(f"torch {torch.__version__}, {name}, {sizes}, {options.turns} turns of {options.steps} steps")
    print(f"{'':18} {'steps/s':>8} {'min':>7} {'max':>7}   ratio to plain (min, max)")
    for which, spent in times.items():
        rates = sorted(options.steps / t for t in spent)
        ratios = sorted(plain / t for plain, t in zip(times["plain"], spent, strict=True))
        label = "plain loop" if which == "plain" else f"gantune {which}"
        middle = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}, {ratios[-1]:.2f})"
        print(f"{label:18} {statistics.median(rates):8.2f} {rates[0]:7.2f} {rates[-1]:7.2f}   {middle}")


if __name__ == "__main__":
    main()

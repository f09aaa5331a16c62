"""How the shipped weights of `mnist_cnn` were made: `python -m gantune.metrics.train_mnist_cnn [FILE]`.

Trained on the 4,000 training digits of mnist5k alone, with small shifts, turns and scalings; about two minutes on one core.
Prints the accuracy on the 1,000 held-out digits.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantune.data import Batches, open_dataset, to_unit
from gantune.data.tensorfile import write
from gantune.metrics.mnist_cnn import WEIGHTS, MnistCNN

EPOCHS, BATCH, PEAK_RATE = 30, 64, 4e-3
TURN, SCALE, SHIFT = math.radians(12), 0.12, 0.12  # the largest; shifts in halves of the picture


def train(seed: int = 0) -> tuple[MnistCNN, float]:
    """A trained network in evaluation mode, and its held-out accuracy."""
    torch.manual_seed(seed)
    data = open_dataset("mnist5k")
    batches = Batches(data, BATCH, seed, torch.device("cpu"))
    net = MnistCNN()
    steps = EPOCHS * batches.per_epoch
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps)
    for step in range(steps):
        batch = batches(step)
        assert batch.y is not None, "mnist5k has labels"
        loss = F.cross_entropy(net(augmented(batch.x))[1], batch.y, label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        schedule.step()
    net.eval()
    set_unit_variance(net, to_unit(data.train))
    with torch.no_grad():
        guesses = net(to_unit(data.heldout))[1].argmax(1)
    return net, float((guesses == data.heldout_labels).float().mean())


@torch.no_grad()
def set_unit_variance(net: MnistCNN, x: Tensor) -> None:
    """Scale the features to a mean variance of 1 on `x`, so that FID and KID read in familiar magnitudes; the logits stay as they were."""
    scale = net(x)[0].var(0).mean().sqrt()
    before, after = net.body[-1], net.head[-1]  # a rectifier alone stands between them, and it passes factors on
    assert isinstance(before, nn.Linear)
    assert isinstance(after, nn.Linear)
    before.weight.div_(scale)
    before.bias.div_(scale)
    after.weight.mul_(scale)


def augmented(x: Tensor) -> Tensor:
    """Each picture turned, scaled and shifted a little, on black."""
    n = len(x)
    angle = (torch.rand(n) * 2 - 1) * TURN
    scale = 1 + (torch.rand(n) * 2 - 1) * SCALE
    shift = (torch.rand(n, 2, 1) * 2 - 1) * SHIFT
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (N, 2, 2)
    grid = F.affine_grid(torch.cat([turn, shift], 2), list(x.shape), align_corners=False)
    return F.grid_sample(x + 1, grid, align_corners=False) - 1  # what comes in from outside is 0, and black is -1


def main(path: Path = WEIGHTS) -> None:
    """Train, write the weights to `path`, print the accuracy."""
    torch.set_num_threads(1)
    net, accuracy = train()
    tensors = {name: value.numpy() for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    write(path, tensors, {"trained_on": "mnist5k train", "heldout_accuracy": f"{accuracy:.4f}"})
    print(f"held-out accuracy {accuracy:.4f}; weights in {path}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))

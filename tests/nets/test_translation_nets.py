"""Nets from picture to picture: sizes, channels, what a logit sees, what skips carry."""

from __future__ import annotations

import pytest
import torch

from gantune.errors import UserError
from gantune.nets.hourglass import Hourglass, OpenDiscriminator
from gantune.nets.patch import PatchDiscriminator
from gantune.nets.translator import Translator
from gantune.nets.unet import UNet


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_every_net_keeps_the_size_and_changes_the_channels(size: int) -> None:
    x = torch.rand(2, 1, size, size)
    for net in (
        UNet(1, 3, size, 2, "instance", 0.5),
        Translator(1, 3, size, 2, 1, "instance"),
        Hourglass(1, 3, size, 2, "batch"),
    ):
        made = net(x)
        assert made.shape == (2, 3, size, size)
        assert made.abs().max() <= 1


@pytest.mark.parametrize("size", [8, 24, 48, 100])
def test_a_unet_takes_powers_of_two(size: int) -> None:
    with pytest.raises(UserError, match=rf"16, 32, 64, 128 ... pixels, got {size} x {size}"):
        UNet(1, 1, size, 2, "instance", 0.0)


def test_a_unet_works_on_a_single_example_and_trains_all_its_weights() -> None:
    net = UNet(1, 1, 32, 2, "instance", 0.5)
    net(torch.rand(1, 1, 32, 32)).sum().backward()
    assert all(weight.grad is not None for weight in net.parameters())
    dropped = sum(isinstance(module, torch.nn.Dropout) for module in net.modules())
    assert dropped == 3, "maps of 2, 4 and 8 pixels"


def test_skips_carry_what_the_bottleneck_cannot() -> None:
    """With everything below the first map cut off, a pixel still reaches the picture, through the outermost skip alone."""
    net = UNet(1, 1, 32, 4, "none", 0.0).eval()
    torch.nn.init.zeros_(net.downs[1][1].weight)
    x = torch.zeros(1, 1, 32, 32)
    moved = x.clone()
    moved[0, 0, 16, 16] = 1
    change = (net(moved) - net(x)).abs()[0, 0]
    assert change.max() > 0
    assert change[:8].max() == 0, "and only near by"


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_the_patch_it_is_said_to(layers: int, field: int) -> None:
    size = 128
    net = PatchDiscriminator(1, size, 2, layers, "none").eval()
    for module in net.modules():  # so that no input cancels another and none is cut off
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 0.1)
    x = torch.ones(1, 1, size, size, requires_grad=True)
    out = net(x)
    middle = out.shape[-1] // 2
    out[0, 0, middle, middle].backward()
    rows = (x.grad[0, 0].abs().sum(1) > 0).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == field


def test_a_patch_discriminator_takes_a_picture_beside() -> None:
    net = PatchDiscriminator(4, 32, 2, 2, "instance")
    assert net(torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)).shape == (2, 1, 6, 6)
    with pytest.raises(UserError, match=r"patch_layers=4 takes pictures of 48 pixels or more, got 32. Set patch_layers=3"):
        PatchDiscriminator(1, 32, 2, 4, "none")


def test_an_open_discriminator_shows_its_inner_maps() -> None:
    logits, *maps = OpenDiscriminator(3, 32, 4, "batch")(torch.rand(2, 3, 32, 32))
    assert logits.shape == (2,)
    assert [tuple(each.shape) for each in maps] == [(2, 8, 8, 8), (2, 16, 4, 4)]

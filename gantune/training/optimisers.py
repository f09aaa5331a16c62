"""The players' optimisers."""

from __future__ import annotations

from torch import nn, optim

from gantune.training.settings import Training


def make_optimiser(net: nn.Module, lr: float, training: Training) -> optim.Optimizer:
    """Adam, RMSprop or SGD over `net` at rate `lr`; Adam in its fused form, one kernel for all weights."""
    weights = list(net.parameters())
    decay = training.weight_decay
    if training.optimiser == "adam":
        return optim.Adam(weights, lr, (training.beta1, training.beta2), weight_decay=decay, fused=True)
    if training.optimiser == "rmsprop":
        return optim.RMSprop(weights, lr, momentum=training.momentum, weight_decay=decay)
    return optim.SGD(weights, lr, momentum=training.momentum, weight_decay=decay)


def set_decays(optimiser: optim.Optimizer, training: Training) -> None:
    """Adam's and every optimiser's decays as the settings have them, over what a loaded state says: the settings may have changed since."""
    for group in optimiser.param_groups:
        group["weight_decay"] = training.weight_decay
        if "betas" in group:
            group["betas"] = (training.beta1, training.beta2)


def set_rate(optimiser: optim.Optimizer, lr: float) -> None:
    """The rate of the next step."""
    for group in optimiser.param_groups:
        group["lr"] = lr

"""Whether a sample is what it was made to be: a classifier's word on its label, its distance from a known target."""

from __future__ import annotations

import torch
from torch import Tensor


def label_agreement(logits: Tensor, labels: Tensor) -> float:
    """The share of samples that the classifier, by its logits (n, K), gives the label (n,) that they were asked for."""
    return float((logits.argmax(1) == labels).double().mean())


def code_agreement(logits: Tensor, codes: Tensor) -> float:
    """The same for categories without names (n,): each is read as the class it shares most with, no class taken twice.

    The best such reading is found as an assignment problem (Kuhn 1955), as is usual for clusterings.
    """
    from scipy.optimize import linear_sum_assignment

    classes, categories = logits.shape[1], int(codes.max()) + 1
    pairs = codes.cpu() * classes + logits.argmax(1).cpu()
    counts = torch.bincount(pairs, minlength=categories * classes).view(categories, classes)
    rows, columns = linear_sum_assignment(counts.numpy(), maximize=True)
    return float(counts[rows, columns].sum() / len(codes))


def l1(x: Tensor, target: Tensor) -> float:
    """Mean absolute difference over all numbers, in units of [-1, 1]."""
    return float((x.double() - target.double()).abs().mean())

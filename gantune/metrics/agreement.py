"""Whether a sample is what it was made to be: a probe's word on its label, its distance from a known target."""

from __future__ import annotations

import torch
from torch import Tensor


def label_agreement(logits: Tensor, labels: Tensor) -> float:
    """The share of samples that the probe, by its logits (n, K), gives the label (n,) that they were asked for."""
    return float((logits.argmax(1) == labels).double().mean())


def attribute_agreement(logits: Tensor, labels: Tensor) -> float:
    """The same for yes-or-no attributes (n, A): for each the mean of both shares, of the samples asked to have it and of those asked
    not to, and the mean of that over the attributes that some were asked for and some not. Chance reads 1/2 however rare an attribute is.
    """
    right, asked = (logits > 0) == (labels > 0), labels > 0
    with_it, without = ((right & some).sum(0).double() / some.sum(0) for some in (asked, ~asked))  # NaN where there are none
    return float(((with_it + without) / 2).nanmean())


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

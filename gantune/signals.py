"""Every quantity that a report may carry, declared once: its name, unit, meaning, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Point = dict[str, float]  # one report; a missing name was not measured this time, NaN was measured as NaN


@dataclass(frozen=True)
class Signal:
    """One logged quantity. `better` is set for measures of quality only; a discriminator's loss has no better end."""

    name: str
    unit: str
    doc: str
    better: Literal["low", "high"] | None = None


_DECLARED = (
    Signal("kimg", "kimg", "price paid: thousands of (real images in D steps + generated images in G steps) / 2"),
    Signal("images", "images", "the same in images; the step of every curve in MLflow"),
    Signal("d_images", "images", "real images shown in discriminator steps"),
    Signal("g_images", "images", "images generated for generator steps"),
    Signal("d_steps", "steps", "discriminator steps taken"),
    Signal("g_steps", "steps", "generator steps taken"),
    Signal("seconds", "s", "device seconds of training, measuring excluded"),
    Signal("eval_seconds", "s", "seconds that measuring this report took"),
    Signal("images_per_s", "images/s", "images per second of training since the last report"),
    Signal("d_loss", "family's", "the discriminator's adversarial loss, mean over the training batches since the last report"),
    Signal("g_loss", "family's", "the generator's loss, mean over the training batches since the last report"),
    Signal("g_adv", "family's", "the adversarial part of the generator's loss, where it has others"),
    Signal("mi_bound", "nats", "lower bound of the mutual information between the categorical code and samples (InfoGAN's L_I)"),
    Signal("cycle_loss", "of [-1, 1]", "reconstruction error of the round trips while training"),
    Signal("l1_loss", "of [-1, 1]", "L1 distance from the true picture while training"),
    Signal("convergence", "of [-1, 1]", "BEGAN's measure L(x) + |gamma L(x) - L(G(z))|, lower is better"),
    Signal("d_penalty", "family's", "the discriminator's penalty before its weight, kept out of d_loss"),
    Signal("d_loss_heldout", "family's", "d_loss in evaluation mode on held-out images and fresh samples: the honest ln 2 reading"),
    Signal("c2st_loss", "nats", "averaged BCE of a fresh classifier, real against generated; ln 2 when it cannot tell", "high"),
    Signal("jsd_low", "nats", "lower end of the 95 % interval of ln 2 - c2st_loss, which bounds the Jensen-Shannon divergence from below"),
    Signal("jsd_high", "nats", "upper end of that interval"),
    Signal("d_acc_real", "share", "real examples that D calls real"),
    Signal("d_acc_fake", "share", "generated examples that D calls generated"),
    Signal("logit_spread", "D's units", "mean output of D on real minus mean on generated"),
    Signal("logit_std", "D's units", "std of all outputs of D, real and generated together; near 0: D is silent"),
    Signal("d_grad_norm", "family's", "norm of the discriminator's gradient"),
    Signal("g_grad_norm", "family's", "norm of the generator's gradient"),
    Signal("lr_g", "per step", "the generator's learning rate now"),
    Signal("lr_d", "per step", "the discriminator's learning rate now"),
    Signal("k", "steps/step", "discriminator steps per generator step now"),
    Signal("noise", "std", "Gaussian noise on D's inputs now; images lie in [-1, 1]"),
    Signal("fid", "", "Fréchet distance of features, real against generated", "low"),
    Signal("kid", "", "kernel distance of features (unbiased squared MMD)", "low"),
    Signal("kid_std", "", "std of kid over its subsets"),
    Signal("precision", "share", "generated examples that lie among the real ones", "high"),
    Signal("recall", "share", "real examples that lie among the generated ones", "high"),
    Signal("density", "", "how densely generated examples lie where real ones do", "high"),
    Signal("coverage", "share", "real examples with a generated one near by", "high"),
    Signal("inception_score", "", "inception score on the data's own classifier", "high"),
    Signal("modes", "modes", "modes of the mixture with generated points", "high"),
    Signal("hq_share", "share", "generated points within 3 std of a mode", "high"),
    Signal(
        "label_agreement",
        "share",
        "samples in which a linear probe, learnt from real features, finds the label or the code's class that they were made from",
        "high",
    ),
    Signal("l1", "of [-1, 1]", "mean absolute difference between a translated picture and the true one", "low"),
    Signal("fid_back", "", "fid of the way back, in the other domain", "low"),
    Signal("fid_both", "", "mean of fid and fid_back", "low"),
    Signal("cycle_error", "of [-1, 1]", "mean absolute difference between a picture and its round trip, over both domains", "low"),
    Signal("precision_at_5", "share", "relevant documents among the five ranked first, mean over held-out queries", "high"),
    Signal("ndcg_at_5", "share", "normalised discounted cumulative gain of the five ranked first", "high"),
    Signal("fid_best", "", "the best fid so far"),
)
SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _DECLARED}
OBJECTIVES: tuple[str, ...] = tuple(signal.name for signal in _DECLARED if signal.better)  # what a sweep may optimise

"""Two Gaussians moved apart: what divergences, an optimal discriminator's loss and the generator's gradients see of it.

    python benchmarks/gaussians.py        # docs/gaussians.png, a few seconds

p = N(0, 1) is the data, q = N(distance, 1) the generator, moved by its mean; D is optimal throughout, D* = p / (p + q). Integrals are
numeric, and checked against the closed forms: KL = distance² / 2, W1 = distance, TV = 2 Φ(distance / 2) - 1.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from scipy.special import logsumexp
from scipy.stats import norm

Array = NDArray[np.float64]
X = np.linspace(-20, 32, 26_001)
DISTANCES = np.linspace(0, 10, 201)
LN2 = math.log(2)
COLOURS = ("#2a6fbb", "#d1662c", "#3a8f5c", "#8a56ac", "#b8860b")


def logs(distance: float) -> tuple[Array, Array, Array]:
    """ln p, ln q and ln of their mean on the grid."""
    log_p, log_q = norm.logpdf(X), norm.logpdf(X, distance)
    return log_p, log_q, logsumexp(np.stack([log_p, log_q]), axis=0) - LN2


def kl(distance: float) -> float:
    """KL(p‖q)."""
    log_p, log_q, _ = logs(distance)
    return float(trapezoid(np.exp(log_p) * (log_p - log_q), X))


def jsd(distance: float) -> float:
    """JSD(p‖q) in nats, at most ln 2."""
    log_p, log_q, log_m = logs(distance)
    return float(trapezoid(np.exp(log_p) * (log_p - log_m) + np.exp(log_q) * (log_q - log_m), X)) / 2


def total_variation(distance: float) -> float:
    """TV(p, q) in [0, 1]."""
    log_p, log_q, _ = logs(distance)
    return float(trapezoid(np.abs(np.exp(log_p) - np.exp(log_q)), X)) / 2


def gradients(distance: float) -> tuple[float, float]:
    """d/d(distance) of G's losses under the D that is optimal now and stands still: ln(1 - D), and -ln D.

    A sample moves with the mean, so that the derivative is E_q of the loss's slope: of ln(1 - D*) it is -σ(s) s', of -ln D* it is
    -(1 - σ(s)) s', with s = ln p - ln q, s' = -distance.
    """
    log_p, log_q, _ = logs(distance)
    d = 1 / (1 + np.exp(-np.clip(log_p - log_q, -700, 700)))
    q = np.exp(log_q)
    return float(trapezoid(q * d, X)) * distance, float(trapezoid(q * (1 - d), X)) * distance


def check(values: dict[str, Array]) -> None:
    """The integrals against what is known in closed form."""
    assert np.allclose(values["kl"], DISTANCES**2 / 2, atol=1e-6)
    assert np.allclose(values["tv"], 2 * norm.cdf(DISTANCES / 2) - 1, atol=1e-4)
    assert np.all(np.diff(values["jsd"]) >= -1e-12)
    assert abs(values["jsd"][-1] - LN2) < 1e-5
    halves = np.gradient(values["jsd"], DISTANCES)[1:-1]  # minimax: d/d(distance) of 2 JSD - 2 ln 2 over D's own optimum, an envelope
    assert np.allclose(2 * halves, values["minimax"][1:-1], atol=5e-3)


def figure(values: dict[str, Array]) -> Figure:
    """Divergences, the loss of an optimal D, and G's gradients over the distance."""
    made = Figure(figsize=(13, 4.2), layout="constrained")
    left, middle, right = made.subplots(1, 3)
    for (name, label), colour in zip(
        (("kl", "KL = distance² / 2"), ("w1", "Wasserstein 1 = distance"), ("tv", "total variation"), ("jsd", "Jensen-Shannon")),
        COLOURS,
        strict=False,
    ):
        left.plot(DISTANCES, values[name], label=label, color=colour, linewidth=1.8)
    left.set_ylim(0, 4)
    left.axhline(LN2, color="#6b7280", linewidth=1, linestyle="--")
    left.annotate("ln 2", (9.9, LN2 - 0.06), ha="right", va="top", color="#6b7280", fontsize=9)
    left.set_title("Divergences of N(0, 1) and N(distance, 1)", fontsize=10.5, loc="left")
    middle.plot(DISTANCES, LN2 - values["jsd"], color=COLOURS[3], linewidth=1.8, label="d_loss of an optimal D = ln 2 − JSD")
    middle.axhline(LN2, color="#6b7280", linewidth=1, linestyle="--")
    middle.annotate("ln 2: nothing to tell apart", (9.9, LN2), ha="right", va="bottom", color="#6b7280", fontsize=9)
    middle.set_ylim(0, 0.78)
    middle.set_title("What the discriminator's loss sees", fontsize=10.5, loc="left")
    for (name, label), colour in zip(
        (("minimax", "ln(1 − D), minimax"), ("non_saturating", "−ln D, non-saturating"), ("critic", "a critic, Wasserstein 1")),
        (COLOURS[3], COLOURS[1], COLOURS[2]),
        strict=True,
    ):
        right.plot(DISTANCES[1:], np.maximum(values[name][1:], 1e-9), label=label, color=colour, linewidth=1.8)
    right.set_yscale("log")
    right.set_ylim(1e-6, 20)
    right.set_title("Gradient that moves G, D being optimal", fontsize=10.5, loc="left")
    for ax in (left, middle, right):
        ax.set_xlabel("distance of the means, in standard deviations", fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(True, color="#e5e7eb", linewidth=0.7)
        ax.set_xlim(0, 10)
        ax.legend(frameon=False, fontsize=9)
    return made


def main() -> None:
    """Compute, check, draw."""
    moved = [gradients(distance) for distance in DISTANCES]
    values = {
        "kl": np.array([kl(distance) for distance in DISTANCES]),
        "jsd": np.array([jsd(distance) for distance in DISTANCES]),
        "tv": np.array([total_variation(distance) for distance in DISTANCES]),
        "w1": DISTANCES,
        "minimax": np.array([one for one, _ in moved]),
        "non_saturating": np.array([other for _, other in moved]),
        "critic": np.ones_like(DISTANCES),
    }
    check(values)
    path = Path(__file__).parents[1] / "docs" / "gaussians.png"
    path.parent.mkdir(exist_ok=True)
    figure(values).savefig(path, dpi=130)
    for distance in (1, 2, 4, 8):
        at = int(np.argmin(np.abs(DISTANCES - distance)))
        print(f"distance {distance}: JSD {values['jsd'][at]:.4f}, d_loss {LN2 - values['jsd'][at]:.4f}, gradients: "
              f"minimax {values['minimax'][at]:.2g}, non-saturating {values['non_saturating'][at]:.2g}")  # fmt: skip
    print(path)


if __name__ == "__main__":
    main()

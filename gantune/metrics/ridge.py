"""L2-penalised logistic regression on several subsets of the same rows at once, along a path of penalties."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

NEWTON_STEPS, CG_STEPS = 30, 40
TOLERANCE = 1e-4  # of the gradient, in units of the mean loss


def fit(x: Tensor, target: Tensor, used: Tensor, strengths: Sequence[float]) -> Iterator[tuple[float, Tensor]]:
    """For each L2 strength, strongest first, the weights (k, p + 1), intercepts last and unpenalised, of k regressions.

    x (n, p) float64, centred; target (n,) in {0, 1}; used (k, n) in {0, 1} says which rows each regression sees. Each minimises
    mean BCE + ½·strength·‖w‖². Newton steps, solved by conjugate gradients in the principal axes of x, where the Hessian is
    nearly diagonal; the solution at one strength starts the next. The regressions are rows throughout: a few rows times a wide
    matrix is several times as fast as the matrix times a few columns.
    """
    scores, axes = _principal_axes(x)
    rows = torch.cat([scores, torch.ones(len(x), 1, dtype=x.dtype)], 1)  # (n, r + 1)
    columns = rows.T.contiguous()
    share = used / used.sum(1, keepdim=True)
    spread = rows.square().mean(0)
    weights = torch.zeros(len(used), rows.shape[1], dtype=x.dtype)
    rough = (rows.float(), columns.float())
    for strength in strengths:
        penalty = torch.full((rows.shape[1],), strength, dtype=x.dtype)
        penalty[-1] = 0
        weights = _minimise(rows, columns, rough, target, share, penalty, spread, weights)
        yield strength, torch.cat([weights[:, :-1] @ axes.T, weights[:, -1:]], 1)


def _principal_axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """x = scores (n, r) · axesᵀ with r = min(n, p): the penalty is the same in these coordinates, and they are never more than n."""
    n, p = x.shape
    if p <= n:
        _, axes = torch.linalg.eigh(x.T @ x)
        return x @ axes, axes
    values, vectors = torch.linalg.eigh(x @ x.T)
    kept = values > values[-1] * 1e-12
    lengths = values[kept].sqrt()
    return vectors[:, kept] * lengths, x.T @ (vectors[:, kept] / lengths)


def _minimise(
    rows: Tensor,
    columns: Tensor,
    rough: tuple[Tensor, Tensor],
    target: Tensor,
    share: Tensor,
    penalty: Tensor,
    spread: Tensor,
    weights: Tensor,
) -> Tensor:
    """Steps are solved for in single precision, in `rough`, and judged in double: they need one digit only."""

    def objective(weights: Tensor, logits: Tensor) -> Tensor:  # (k,)
        return (share * (F.softplus(logits) - target * logits)).sum(1) + (penalty * weights.square()).sum(1) / 2

    logits = weights @ columns
    value = objective(weights, logits)
    for _ in range(NEWTON_STEPS):
        p = logits.sigmoid()
        gradient = (share * (p - target)) @ rows + penalty * weights
        if float(gradient.norm(dim=1).max()) < TOLERANCE:
            break
        curvature = share * p * (1 - p)
        diagonal = curvature.sum(1, keepdim=True) * spread + penalty
        step = _solve(*rough, curvature.float(), penalty.float(), diagonal.float(), -gradient.float()).to(rows.dtype)
        moved = step @ columns
        factor = torch.ones_like(value)
        for _ in range(20):  # halve the steps that overshoot
            candidate = objective(weights + factor[:, None] * step, logits + factor[:, None] * moved)
            if bool((candidate <= value + 1e-12).all()):
                break
            factor = torch.where(candidate <= value + 1e-12, factor, factor / 2)
        weights, logits, value = weights + factor[:, None] * step, logits + factor[:, None] * moved, candidate
    return weights


def _solve(rows: Tensor, columns: Tensor, curvature: Tensor, penalty: Tensor, diagonal: Tensor, right: Tensor) -> Tensor:
    """Preconditioned conjugate gradients on step·(rowsᵀ·curvature·rows + penalty) = right, each row of `right` its own system."""
    step, residual = torch.zeros_like(right), right
    direction = conditioned = residual / diagonal
    energy = (residual * conditioned).sum(1, keepdim=True)
    target = 0.01 * energy
    for _ in range(CG_STEPS):
        product = (curvature * (direction @ columns)) @ rows + penalty * direction
        length = energy / (direction * product).sum(1, keepdim=True).clamp(min=1e-30)
        step = step + length * direction
        residual = residual - length * product
        conditioned = residual / diagonal
        before, energy = energy, (residual * conditioned).sum(1, keepdim=True)
        if bool((energy <= target).all()):
            break
        direction = conditioned + (energy / before.clamp(min=1e-30)) * direction
    return step

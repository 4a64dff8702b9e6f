"""The three regimes of a negative's gradient, eq. 6: not counted, counted, and taken for mislabelled."""

from __future__ import annotations

import functools

import numpy as np
import torch

from lopsided.losses import asymmetric_gradient

_POINTS = 401  # of a grid that closes in on the peak


def negative_gradient(probabilities: np.ndarray, *, gamma_neg: float, margin: float) -> np.ndarray:
    """Gradient of a negative's loss by its logit, eq. 6.

    Args:
        probabilities: p in (0, 1), float64, any shape.
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).

    Returns:
        Nats per unit of logit, float64, shape of ``probabilities``.
    """
    logits = torch.logit(torch.from_numpy(np.asarray(probabilities, dtype=np.float64)))
    targets = torch.zeros_like(logits)
    return asymmetric_gradient(logits, targets, gamma_pos=0.0, gamma_neg=gamma_neg, margin=margin).numpy()


@functools.lru_cache(maxsize=256)  # each figure asks several times
def gradient_peak(*, gamma_neg: float, margin: float) -> float:
    """Probability p* of a negative at which its gradient is largest; beyond it a negative counts as mislabelled.

    Args:
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).

    Returns:
        p* in (0, 1), to 6 digits; 1.0 where the gradient grows all the way, as that of cross-entropy does.

    Example:
        >>> round(gradient_peak(gamma_neg=2, margin=0.2), 3), gradient_peak(gamma_neg=0, margin=0)
        (0.839, 1.0)

    Source: Ridnik et al., ICCV 2021, eq. 6; found by search, not in closed form.
    """
    low, high = 0.0, 1.0
    for _ in range(3):
        grid = np.linspace(low, high, _POINTS)
        inner = grid.clip(1e-9, 1 - 1e-9)
        top = int(negative_gradient(inner, gamma_neg=gamma_neg, margin=margin).argmax())
        if grid[top] == 1.0:
            return 1.0
        low, high = grid[max(top - 1, 0)], grid[min(top + 1, _POINTS - 1)]
    return float((low + high) / 2)

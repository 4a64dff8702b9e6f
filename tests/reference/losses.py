"""The losses element by element in Python floats: slow and obvious, straight from the equations."""

import math

import numpy as np


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def log_sigmoid(z: float) -> float:
    return -math.log1p(math.exp(-z)) if z >= 0 else z - math.log1p(math.exp(z))


def asymmetric_loss(z: float, y: float, gamma_pos: float, gamma_neg: float, margin: float) -> float:
    """Eq. 5 for one element."""
    p, q = sigmoid(z), sigmoid(-z)
    positive = -(q**gamma_pos) * log_sigmoid(z)
    negative = 0.0
    if p > margin:
        log_rest = log_sigmoid(-z) if margin == 0 else math.log(min(q + margin, 1.0))
        negative = -((p - margin) ** gamma_neg) * log_rest
    return y * positive + (1 - y) * negative


def asymmetric_gradient(z: float, y: float, gamma_pos: float, gamma_neg: float, margin: float) -> float:
    """Central difference of the above; good to about 1e-8."""
    step = 1e-5
    above = asymmetric_loss(z + step, y, gamma_pos, gamma_neg, margin)
    below = asymmetric_loss(z - step, y, gamma_pos, gamma_neg, margin)
    return (above - below) / (2 * step)


def softmax_asymmetric_loss(z: np.ndarray, label: int, gamma_pos: float, gamma_neg: float, smoothing: float) -> float:
    """Eq. 5 for one row of logits with softmax probabilities."""
    p = np.exp(z - z.max())
    p /= p.sum()
    total = 0.0
    for k in range(len(z)):
        y = (1 - smoothing) * (k == label) + smoothing / len(z)
        others = p[np.arange(len(z)) != k].sum()
        total -= y * others**gamma_pos * math.log(p[k]) + (1 - y) * p[k] ** gamma_neg * math.log(others)
    return total

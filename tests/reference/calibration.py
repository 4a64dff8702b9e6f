"""Calibration in plain loops."""

from itertools import pairwise

import numpy as np


def error(probabilities, targets, edges):
    """Expected calibration error of flat arrays, bin by bin."""
    total = 0.0
    for low, high in pairwise(edges):
        inside = (probabilities > low) & (probabilities <= high) | ((low == 0) & (probabilities == 0))
        if inside.any():
            total += inside.sum() * abs(probabilities[inside].mean() - targets[inside].mean())
    return total / len(probabilities)


def brier(probabilities, targets):
    return np.mean([(p - y) ** 2 for p, y in zip(probabilities, targets, strict=True)])

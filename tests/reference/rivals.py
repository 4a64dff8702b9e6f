"""The losses to compare with, sample by sample and label by label in Python floats: slow and obvious."""

import math

import numpy as np

from tests.reference.losses import asymmetric_loss, log_sigmoid, sigmoid


def focal(z: float, gamma: float) -> float:
    return -(sigmoid(-z) ** gamma) * log_sigmoid(z)


def hill(z: float, y: float, offset: float, logit_margin: float, gamma: float) -> float:
    p = sigmoid(z)
    return y * focal(z - logit_margin, gamma) + (1 - y) * (offset - p) * p**2


def splc(z: float, y: float, threshold: float, logit_margin: float, gamma: float) -> float:
    negative = focal(-z, gamma) if sigmoid(z) <= threshold else focal(z, gamma)
    return y * focal(z - logit_margin, gamma) + (1 - y) * negative


def polynomial(
    z: float, y: float, gamma_pos: float, gamma_neg: float, margin: float, powers: tuple[float, float, float]
) -> float:
    a, b, c = powers
    q, p_m = sigmoid(-z), max(sigmoid(z) - margin, 0)
    positive, negative = (asymmetric_loss(z, side, gamma_pos, gamma_neg, margin) for side in (1, 0))
    positive += q**gamma_pos * (a * q + b * q**2 / 2)
    negative += p_m**gamma_neg * c * p_m
    return y * positive + (1 - y) * negative


def robust(
    z: float, y: float, gamma_pos: float, gamma_neg: float, margin: float, offset: float, powers: tuple[float, float]
) -> float:
    a, b = powers
    p = sigmoid(z)
    p_m = max(p - margin, 0)
    positive = polynomial(z, 1, gamma_pos, gamma_neg, margin, (a, b, 0))
    negative = asymmetric_loss(z, 0, gamma_pos, gamma_neg, margin) * (offset - p) * p**2 * (offset - (1 - p_m))
    return y * positive + (1 - y) * negative


def zlpr(z: np.ndarray, y: np.ndarray) -> float:
    """One sample."""
    positives, negatives = 1.0, 1.0
    for score, share in zip(z, y, strict=True):
        positives += share * math.exp(-score)
        negatives += (1 - share) * math.exp(score)
    return math.log(positives) + math.log(negatives)


def two_way(z: np.ndarray, y: np.ndarray, known: np.ndarray, t_pos: float, t_neg: float) -> float:
    """A batch, the mean over rows with a positive plus that over columns with one."""
    total = 0.0
    for scores, labels, seen in ((z, y, known), (z.T, y.T, known.T)):
        costs = []
        for row, label, there in zip(scores, labels, seen, strict=True):
            positives, negatives = row[there & (label == 1)], row[there & (label == 0)]
            if len(positives) and len(negatives):
                low = t_pos * math.log(sum(math.exp(-score / t_pos) for score in positives))
                high = t_neg * math.log(sum(math.exp(score / t_neg) for score in negatives))
                costs.append(math.log1p(math.exp(low + high)))
            elif len(positives):
                costs.append(0.0)
        total += sum(costs) / max(len(costs), 1)
    return total


def distribution_balanced(
    z: np.ndarray,
    y: np.ndarray,
    frequencies: np.ndarray,
    gamma: float,
    smooth: tuple[float, float, float],
    *rest: float,
) -> list[float]:
    """One sample: the cost of each label."""
    (floor, steepness, centre), (tolerance, bias) = smooth, rest
    sampled = sum(share / f for share, f in zip(y, frequencies, strict=True))
    costs = []
    for score, share, f in zip(z, y, frequencies, strict=True):
        ratio = (1 / f) / sampled if sampled else math.inf
        balance = floor + (sigmoid(steepness * (ratio - centre)) if sampled else 1.0)
        v = score - bias * math.log(1 / f - 1)
        costs.append(balance * (share * focal(v, gamma) + (1 - share) * focal(-tolerance * v, gamma) / tolerance))
    return costs


def selective(z: np.ndarray, known: np.ndarray, top_k: int) -> np.ndarray:
    """Which elements cost something: the known ones, and the unknown ones but for the likeliest of the batch."""
    costly = known.copy()
    unknown = sorted((-z[i, k], i, k) for i in range(len(z)) for k in range(z.shape[1]) if not known[i, k])
    for _, i, k in unknown[top_k * len(z) :]:
        costly[i, k] = True
    return costly

"""Every threshold tried."""

import numpy as np


def counts(scores, targets, threshold):
    predicted = scores > threshold
    return (predicted & (targets == 1)).sum(), predicted.sum(), (targets == 1).sum()


def candidates(scores):
    """0 and the middle between each two neighbouring scores, and 1."""
    distinct = np.unique(scores)
    return [0.0, *((distinct[1:] + distinct[:-1]) / 2).tolist(), 1.0]


def best_f1(scores, targets):
    """The highest F1 that any threshold gives."""
    found = [counts(scores, targets, threshold) for threshold in candidates(scores)]
    return max(2 * hits / (predicted + positives) for hits, predicted, positives in found)


def most_recall(scores, targets, *, precision):
    """The highest recall among thresholds with at least this precision; 0 where there is none."""
    found = [counts(scores, targets, threshold) for threshold in candidates(scores)]
    return max((hits / positives for hits, n, positives in found if n and hits / n >= precision), default=0.0)


def most_precision(scores, targets, *, recall):
    """The highest precision among thresholds with at least this recall, and of these the highest recall."""
    found = [counts(scores, targets, threshold) for threshold in candidates(scores)]
    return max((hits / max(n, 1), hits / positives) for hits, n, positives in found if hits / positives >= recall)

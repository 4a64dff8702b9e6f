"""Average precision by its definition, one positive after the other."""

import math
from fractions import Fraction

import numpy as np


def of_ranking(scores, targets, known):
    """The mean over known positives of the precision among all known elements that score as high or higher."""
    precisions = []
    for i in range(len(scores)):
        if known[i] and targets[i] == 1:
            retrieved = [j for j in range(len(scores)) if known[j] and scores[j] >= scores[i]]
            found = [j for j in retrieved if targets[j] == 1]
            precisions.append(len(found) / len(retrieved))
    return sum(precisions) / len(precisions) if precisions else math.nan


def average_precision(scores, targets, known):
    """One value for each label (column)."""
    return np.array([of_ranking(scores[:, i], targets[:, i], known[:, i]) for i in range(scores.shape[1])])


def micro_average_precision(scores, targets, known):
    """All elements in one ranking."""
    return of_ranking(scores.reshape(-1), targets.reshape(-1), known.reshape(-1))


def eleven_points_of_ranking(scores, targets, known):
    """The mean, over recalls of 0, 0.1, ... 1, of the highest precision at any score with at least that recall."""
    ranking = [(scores[i], int(targets[i] == 1)) for i in range(len(scores)) if known[i]]
    num_positives = sum(hit for _, hit in ranking)
    if not num_positives:
        return math.nan
    curve = []
    for threshold in {score for score, _ in ranking}:
        hits = [hit for score, hit in ranking if score >= threshold]
        curve.append((Fraction(sum(hits), num_positives), sum(hits) / len(hits)))
    levels = [Fraction(k, 10) for k in range(11)]
    return sum(max(precision for recall, precision in curve if recall >= level) for level in levels) / 11


def eleven_point_average_precision(scores, targets, known):
    """One value for each label (column)."""
    return np.array(
        [eleven_points_of_ranking(scores[:, i], targets[:, i], known[:, i]) for i in range(scores.shape[1])]
    )

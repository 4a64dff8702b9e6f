"""Precision, recall and F1 by their definitions, one element after the other."""

import math

import numpy as np


def predictions(probabilities, known, *, threshold=0.5, top_k=None, top_k_above_threshold=False):
    """True where a known label is predicted; the threshold holds without ``top_k``, or where both are asked for."""
    predicted = np.zeros(probabilities.shape, dtype=bool)
    thresholds = np.broadcast_to(threshold, probabilities.shape[1:])
    for row in range(probabilities.shape[0]):
        labels = [label for label in range(probabilities.shape[1]) if known[row, label]]
        if top_k is not None:
            labels = sorted(labels, key=lambda label: (-probabilities[row, label], label))[:top_k]
        if top_k is None or top_k_above_threshold:
            labels = [label for label in labels if probabilities[row, label] > thresholds[label]]
        predicted[row, labels] = True
    return predicted


def operating_point(predicted, targets, known):
    """The seven values by name; labels without known positives are left out of the means over labels."""
    precisions, recalls, f1s = [], [], []
    all_hits = all_predicted = all_positives = 0
    for label in range(predicted.shape[1]):
        hits = num_predicted = num_positives = 0
        for row in range(predicted.shape[0]):
            if known[row, label]:
                hits += int(predicted[row, label] and targets[row, label] == 1)
                num_predicted += int(predicted[row, label])
                num_positives += int(targets[row, label] == 1)
        all_hits, all_predicted = all_hits + hits, all_predicted + num_predicted
        all_positives += num_positives
        if num_positives > 0:
            precisions.append(hits / num_predicted if num_predicted > 0 else 0.0)
            recalls.append(hits / num_positives)
            f1s.append(harmonic_mean(precisions[-1], recalls[-1]))
    if all_positives == 0:
        return dict.fromkeys(["cp", "cr", "cf1", "op", "or_", "of1", "mean_f1"], math.nan)
    cp, cr = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    op, or_ = all_hits / all_predicted if all_predicted > 0 else 0.0, all_hits / all_positives
    return {
        "cp": cp,
        "cr": cr,
        "cf1": harmonic_mean(cp, cr),
        "op": op,
        "or_": or_,
        "of1": harmonic_mean(op, or_),
        "mean_f1": sum(f1s) / len(f1s),
    }


def harmonic_mean(precision, recall):
    """0 where both are 0."""
    return 2 / (1 / precision + 1 / recall) if precision > 0 and recall > 0 else 0.0

"""Area under the ROC curve: how often a positive scores higher than a negative; exact with ties."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lopsided.metrics.average_precision import checked_arrays, per_label


def roc_auc(scores: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Area under the ROC curve of each label: the share of its pairs of a positive and a negative in right order.

    A tie counts half. Unlike average precision it does not fall with the share of positives, so that a label with few
    of them can look good by it: where 20 of 1,000 negatives score above the only positive, it is 0.98.

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown elements take no part.

    Returns:
        Values in [0, 1], float64, shape ``(labels,)``, on the CPU; nan for a label that lacks positives or negatives.

    >>> roc_auc(torch.tensor([[0.9], [0.8], [0.7]]), torch.tensor([[1], [0], [1]]))
    tensor([0.5000], dtype=torch.float64)

    Source: Hanley and McNeil, Radiology 1982.
    """
    return per_label(_of_ranking, scores, targets, mask)


def micro_roc_auc(scores: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """:func:`roc_auc` of all known elements pooled into one ranking, whatever their label.

    Args:
        scores: As for :func:`roc_auc`.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown elements take no part.

    Returns:
        Scalar in [0, 1], float64, on the CPU; nan without known positives or negatives.

    >>> micro_roc_auc(torch.tensor([[0.9, 0.8], [0.7, 0.6]]), torch.tensor([[1, 0], [1, 0]]))
    tensor(0.7500, dtype=torch.float64)
    """
    elements, positives, known = checked_arrays(scores, targets, mask)
    ranking = elements.ravel() if known is None else elements[known]
    return torch.tensor(_of_ranking(ranking, elements[positives]), dtype=torch.float64, device="cpu")


def _of_ranking(scores: NDArray[np.floating], positives: NDArray[np.floating]) -> float:
    """Area under the curve of one ranking, from all its scores and those of its positives, both in any order."""
    num_negatives = scores.size - positives.size
    if positives.size == 0 or num_negatives == 0:
        return float("nan")
    everything, hits = np.sort(scores), np.sort(positives)
    below, upto = (
        np.searchsorted(everything, hits, side) - np.searchsorted(hits, hits, side) for side in ("left", "right")
    )  # negatives below each positive, and negatives not above it
    return float(np.mean((below + upto) / 2) / num_negatives)

"""Precision, recall and F1 of yes-or-no predictions: CP CR CF1 OP OR OF1, at a threshold or for the top k."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lopsided.metrics.counts import Counts, count


@dataclass(frozen=True)
class OperatingPoint:
    """Shares in [0, 1]; ``c`` is the mean over labels, ``o`` is over all labels pooled; nan without any positive."""

    cp: float  # mean of the labels' precision
    cr: float  # mean of the labels' recall
    cf1: float  # harmonic mean of cp and cr: the CF1 of published tables
    op: float
    or_: float  # OR; the name without underscore is taken by the language
    of1: float  # harmonic mean of op and or_
    mean_f1: float  # mean of the labels' F1, what scikit-learn calls macro: not cf1


def operating_point(
    probabilities: Tensor,
    targets: Tensor,
    *,
    threshold: float | Tensor = 0.5,
    top_k: int | None = None,
    top_k_above_threshold: bool = False,
    mask: Tensor | None = None,
) -> OperatingPoint:
    """Precision, recall and F1, per label and pooled, of predicting what is > ``threshold``, or the ``top_k`` labels.

    Args:
        probabilities: In [0, 1], shape ``(samples, labels)``, floating point; of ``top_k`` alone only their
            order matters.
        targets: 0 or 1, bool, integer or float, shape of ``probabilities``.
        threshold: In [0, 1], a number or a tensor of shape ``(labels,)``; a probability equal to it is a no.
        top_k: Predict the k most probable known labels of each sample, whatever the threshold; of equal ones
            the lowest labels. 1 to ``labels``.
        top_k_above_threshold: Predict those of the ``top_k`` that are above the threshold, as published top-3
            tables do (fewer than three per sample, seen from their OP and OR).
        mask: True where the label is known, bool, broadcasts to ``probabilities``.

    Returns:
        Floats; how undefined labels count is said at :func:`operating_point_from`.

    Example:
        >>> import torch
        >>> probabilities = torch.tensor([[0.9, 0.8], [0.6, 0.4], [0.7, 0.1]])
        >>> point = operating_point(probabilities, torch.tensor([[1, 1], [0, 1], [0, 1]]))
        >>> round(point.cp, 4), round(point.cr, 4), round(point.cf1, 4), round(point.mean_f1, 4)
        (0.6667, 0.6667, 0.6667, 0.5)
    """
    counts = count(
        probabilities, targets, threshold=threshold, top_k=top_k, top_k_above_threshold=top_k_above_threshold, mask=mask
    )
    return operating_point_from(counts)


def operating_point_from(counts: Counts) -> OperatingPoint:
    """Precision, recall and F1 from counts that were added up over batches and ranks.

    - A label that is never predicted has precision 0; likewise OP is 0 where nothing is predicted.
    - A label without known positives takes no part in cp, cr, cf1 and mean_f1, as in the mean average precision.
      (The published script counts it as 0 in all of them; where every label has a positive the two agree.)
      Predictions of it do count in op and of1, as false positives.
    - Without any known positive all values are nan.

    Args:
        counts: Sum of :func:`~lopsided.metrics.count` over the batches.

    Returns:
        Floats in [0, 1].

    Example:
        >>> import torch
        >>> counts = count(torch.tensor([[0.9, 0.8], [0.6, 0.1]]), torch.tensor([[1, 0], [0, 1]]))
        >>> point = operating_point_from(counts + counts)
        >>> round(point.op, 4), round(point.or_, 4), round(point.of1, 4)
        (0.3333, 0.5, 0.4)
    """
    true_positives, predicted, positives = (
        counts.true_positives.cpu().double(),
        counts.predicted.cpu().double(),
        counts.positives.cpu().double(),
    )
    num_positives = float(positives.sum())
    if num_positives == 0:
        return OperatingPoint(*[float("nan")] * 7)
    defined = positives > 0
    precision = (true_positives / predicted.clamp(min=1))[defined]
    recall = (true_positives / positives)[defined]
    f1 = (2 * true_positives / (predicted + positives))[defined]
    cp, cr = float(precision.mean()), float(recall.mean())
    op = float(true_positives.sum() / predicted.sum().clamp(min=1))
    or_ = float(true_positives.sum()) / num_positives
    return OperatingPoint(
        cp=cp, cr=cr, cf1=_harmonic_mean(cp, cr), op=op, or_=or_, of1=_harmonic_mean(op, or_), mean_f1=float(f1.mean())
    )


def _harmonic_mean(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0

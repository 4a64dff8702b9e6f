"""What each metric is called, reads and means: ``evaluate``, its JSON, the report and sweeps follow this list."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from lopsided.metrics.average_precision import (
    eleven_point_average_precision,
    mean_average_precision,
    micro_average_precision,
)
from lopsided.metrics.calibration import Reliability, reliability
from lopsided.metrics.operating_point import OperatingPoint, operating_point
from lopsided.metrics.roc import roc_auc


@dataclass(frozen=True)
class Metric:
    """One entry.

    Args:
        name: Its key in files and in ``evaluate --json``.
        title: Heading of its column.
        meaning: What it is, in a few words.
        reads: ``scores``: a function of scores, targets and ``mask``, for which only the order of the scores matters;
            ``probabilities``: of their reliability; ``decisions``: of the operating point at a threshold.
        value: The function, whose result is a share in [0, 1] or nan.
        higher_is_better: None where predicting next to nothing or everything wins, so that no best value is marked.
    """

    name: str
    title: str
    meaning: str
    reads: Literal["scores", "probabilities", "decisions"]
    value: Callable[..., Any]
    higher_is_better: bool | None = True


def _eleven_points(scores: Tensor, targets: Tensor, *, mask: Tensor | None) -> Tensor:
    return eleven_point_average_precision(scores, targets, mask=mask).nanmean()


def _mean_roc_auc(scores: Tensor, targets: Tensor, *, mask: Tensor | None) -> Tensor:
    return roc_auc(scores, targets, mask=mask).nanmean()


CATALOGUE = {
    metric.name: metric
    for metric in (
        Metric("mAP", "mAP", "mean average precision over labels with positives", "scores", mean_average_precision),
        Metric("mAP_11", "mAP 11", "the same by 11 points, as Pascal VOC 2007 did", "scores", _eleven_points),
        Metric("micro_AP", "micro AP", "average precision of all elements pooled", "scores", micro_average_precision),
        Metric("auroc", "AUROC", "area under the ROC curve, mean over labels", "scores", _mean_roc_auc),
        Metric("cf1", "CF1", "harmonic mean of CP and CR", "decisions", lambda point: point.cf1),
        Metric("mean_f1", "mean F1", "F1 of each label, then the mean", "decisions", lambda point: point.mean_f1),
        Metric("of1", "OF1", "harmonic mean of OP and OR", "decisions", lambda point: point.of1),
        Metric("cp", "CP", "precision, mean over labels", "decisions", lambda point: point.cp, None),
        Metric("cr", "CR", "recall, mean over labels", "decisions", lambda point: point.cr, None),
        Metric("op", "OP", "precision, all elements pooled", "decisions", lambda point: point.op, None),
        Metric("or", "OR", "recall, all elements pooled", "decisions", lambda point: point.or_, None),
        Metric("brier", "Brier", "squared error of the probabilities", "probabilities", lambda bins: bins.brier, False),
        Metric("ece", "ECE", "expected calibration error, 15 bins", "probabilities", lambda bins: bins.error, False),
    )
}  # fmt: skip

RANKED = tuple(metric for metric in CATALOGUE.values() if metric.higher_is_better is not None)
"""The metrics whose best value is marked."""

UNRANKED = tuple(metric for metric in CATALOGUE.values() if metric.higher_is_better is None)
"""Those that say nothing alone: precision and recall."""

DECISIONS = tuple(metric for metric in CATALOGUE.values() if metric.reads == "decisions")


def measure(
    scores: Tensor,
    probabilities: Tensor,
    targets: Tensor,
    *,
    threshold: float | Tensor = 0.5,
    mask: Tensor | None = None,
    bins: Reliability | None = None,
) -> dict[str, float]:
    """Every metric of the catalogue, by its name.

    Args:
        scores: Logits, or what ranks like them, shape ``(samples, labels)``, floating point.
        probabilities: In [0, 1], shape of ``scores``.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        threshold: In [0, 1], a number or a tensor of shape ``(labels,)``; what is above it is predicted.
        mask: True where the label is known, bool, broadcasts to ``scores``.
        bins: Reliability of the probabilities in 15 bins of equal width, if it was computed already.

    Returns: Shares in [0, 1]; nan where one is not defined.

    >>> import torch
    >>> values = measure(torch.tensor([[2.0, -1.0]]), torch.tensor([[0.9, 0.3]]), torch.tensor([[1, 0]]))
    >>> values["mAP"], values["of1"], round(values["brier"], 3)
    (1.0, 1.0, 0.05)
    """
    point = operating_point(probabilities, targets, threshold=threshold, mask=mask)
    bins = bins or reliability(probabilities, targets, mask=mask)
    return {name: _value(metric, scores, targets, mask, point, bins) for name, metric in CATALOGUE.items()}


def decisions(point: OperatingPoint) -> dict[str, float]:
    """The metrics of decisions, by name."""
    return {metric.name: float(metric.value(point)) for metric in DECISIONS}


def undefined() -> dict[str, float]:
    """Every metric as nan, for a network that gives no numbers."""
    return dict.fromkeys(CATALOGUE, math.nan)


def _value(
    metric: Metric, scores: Tensor, targets: Tensor, mask: Tensor | None, point: OperatingPoint, bins: Reliability
) -> float:
    match metric.reads:
        case "scores":
            return float(metric.value(scores, targets, mask=mask))
        case "probabilities":
            return float(metric.value(bins))
        case "decisions":
            return float(metric.value(point))

"""All that metrics read of how scores order samples and labels, each computed once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lopsided.metrics.average_precision import (
    average_precision,
    eleven_point_average_precision,
    micro_average_precision,
)
from lopsided.metrics.ranked.frequencies import Frequencies
from lopsided.metrics.ranked.top import TopRanked, top_ranked
from lopsided.metrics.roc import micro_roc_auc, roc_auc


@dataclass(frozen=True, eq=False)
class Rankings:
    """How scores order samples, label by label, and labels, sample by sample.

    Args:
        average_precision: Of each label, float64, shape ``(labels,)``; nan where it has no known positive.
        eleven_points: The same by eleven points of recall.
        roc_auc: Of each label, of that shape; nan where it lacks positives or negatives.
        micro_average_precision: Of all elements in one ranking.
        micro_roc_auc: Likewise.
        top: The best-ranked labels of each sample.
        training: How frequent labels are in training, if that is known.
    """

    average_precision: Tensor
    eleven_points: Tensor
    roc_auc: Tensor
    micro_average_precision: float
    micro_roc_auc: float
    top: TopRanked
    training: Frequencies | None = None


def rankings(
    scores: Tensor,
    targets: Tensor,
    *,
    num_ranks: int,
    mask: Tensor | None = None,
    training: Frequencies | None = None,
) -> Rankings:
    """What scores that are in memory say.

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        num_ranks: Best-ranked labels of each sample to keep; all where there are fewer labels.
        mask: True where the label is known, bool, broadcasts to ``scores``.
        training: How frequent labels are in training.
    """
    return Rankings(
        average_precision(scores, targets, mask=mask),
        eleven_point_average_precision(scores, targets, mask=mask),
        roc_auc(scores, targets, mask=mask),
        float(micro_average_precision(scores, targets, mask=mask)),
        float(micro_roc_auc(scores, targets, mask=mask)),
        top_ranked(scores, targets, num_ranks=min(num_ranks, scores.shape[1]), mask=mask),
        training,
    )


def mean_of_group(values: Tensor, training: Frequencies, group: int) -> float:
    """Mean over the labels of a group (of ``GROUPS``) that have a value; nan where none has."""
    return float(values[torch.from_numpy(training.groups() == group)].nanmean())

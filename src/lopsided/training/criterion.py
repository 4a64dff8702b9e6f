"""From options to a loss."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor

from lopsided.asymmetry import AdaptiveAsymmetricLoss
from lopsided.losses import AsymmetricLoss, FocalLoss
from lopsided.training.config import LossOptions

Criterion: TypeAlias = AsymmetricLoss | AdaptiveAsymmetricLoss | FocalLoss


def build_criterion(options: LossOptions, *, num_labels: int) -> Criterion:
    """The loss that the options name, summed over labels and averaged over samples.

    Args:
        options: Name and settings.
        num_labels: Number of labels, for one gamma_neg per label.

    >>> build_criterion(LossOptions(name="focal", gamma=3.0), num_labels=80)
    FocalLoss(gamma=3.0)
    """
    settings = options.given()
    match options.name:
        case "cross_entropy":
            return FocalLoss(gamma=0.0, reduction="batchmean")
        case "focal":
            return FocalLoss(**settings, reduction="batchmean")
        case "asymmetric":
            return AsymmetricLoss(**settings, reduction="batchmean")
        case "adaptive":
            count = num_labels if settings.get("per_label") else None
            return AdaptiveAsymmetricLoss(**settings, num_labels=count, reduction="batchmean")


def gamma_neg_of(criterion: Criterion, *, device: torch.device) -> Tensor:
    """The present focusing power of negatives, a scalar; the mean where each label has its own."""
    gamma = criterion.gamma if isinstance(criterion, FocalLoss) else criterion.gamma_neg
    return gamma.mean() if isinstance(gamma, Tensor) else torch.full((), gamma, device=device)

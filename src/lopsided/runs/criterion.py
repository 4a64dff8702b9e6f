"""From options to a loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from lopsided.asymmetry import AdaptiveAsymmetricLoss
from lopsided.losses import (
    AsymmetricLoss,
    AsymmetricPolynomialLoss,
    DistributionBalancedLoss,
    FocalLoss,
    HillLoss,
    PartialAsymmetricLoss,
    SPLCLoss,
    TwoWayLoss,
    ZLPRLoss,
)
from lopsided.runs.config import LossOptions

Family: TypeAlias = AsymmetricLoss | AdaptiveAsymmetricLoss | FocalLoss
Rival: TypeAlias = (
    HillLoss
    | SPLCLoss
    | AsymmetricPolynomialLoss
    | ZLPRLoss
    | TwoWayLoss
    | DistributionBalancedLoss
    | PartialAsymmetricLoss
)
Criterion: TypeAlias = Family | Rival


def build_criterion(
    options: LossOptions, *, num_labels: int, positives: Sequence[int] | None = None, num_samples: int | None = None
) -> Criterion:
    """The loss that the options name, summed over labels and averaged over samples; two_way has a mean of its own.

    Args:
        options: Name and settings.
        num_labels: Number of labels, for one gamma_neg per label.
        positives: Samples of the training split that have each label, for distribution_balanced.
        num_samples: Samples of the training split, for distribution_balanced and splc.

    Raises:
        ValueError: A setting is out of range, or the loss needs a count that is not given.

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
        case _:
            return _rival(options, positives, num_samples)


def _rival(options: LossOptions, positives: Sequence[int] | None, num_samples: int | None) -> Rival:
    settings = options.given()
    match options.name:
        case "hill":
            return HillLoss(**settings, reduction="batchmean")
        case "polynomial":
            return AsymmetricPolynomialLoss(**settings, reduction="batchmean")
        case "zlpr":
            return ZLPRLoss(reduction="batchmean")
        case "two_way":
            return TwoWayLoss(**settings, reduction="mean")
        case "partial":
            return PartialAsymmetricLoss(**settings, reduction="batchmean")
    if num_samples is None:
        raise ValueError(f"loss.name={options.name} needs the number of training samples, got none")
    if options.name == "splc":
        return SPLCLoss(**settings, epoch_samples=num_samples, reduction="batchmean")
    if positives is None:
        raise ValueError(f"loss.name={options.name} needs the number of positives of each label, got none")
    # Laplace's rule: a label that none or all of the samples have is neither impossible nor certain.
    frequencies = [(count + 1) / (num_samples + 2) for count in positives]
    return DistributionBalancedLoss(frequencies, **settings, reduction="batchmean")


def about_unknown(options: LossOptions, *, num_unknown: int) -> str | None:
    """A line about a loss of unknown labels where the training split has none, else None.

    Args:
        options: Name and settings.
        num_unknown: Unknown labels of all training samples together.

    Raises:
        ValueError: There is none, and settings say what unknown labels cost.
    """
    if options.name != "partial" or num_unknown:
        return None
    for name in ("unknown", "top_k", "gamma_unknown"):
        if name in options.given():
            raise ValueError(
                f"loss.{name} has no effect on this data: no label of its train split is unknown; leave it out, or "
                "take another loss.name"
            )
    gamma_neg, margin = options.given().get("gamma_neg", 1), options.given().get("margin", 0)
    return (
        "no label of the train split is unknown, so loss.name=partial is the asymmetric loss with "
        f"gamma_neg {gamma_neg:g} and margin {margin:g}"
    )


def gamma_neg_of(criterion: Criterion, *, device: torch.device) -> Tensor:
    """The present focusing power of negatives, a scalar; the mean where each label has its own, nan without any."""
    match criterion:
        case FocalLoss() | SPLCLoss() | DistributionBalancedLoss():
            gamma = criterion.gamma
        case HillLoss() | ZLPRLoss() | TwoWayLoss():
            gamma = math.nan
        case _:
            gamma = criterion.gamma_neg
    return gamma.mean() if isinstance(gamma, Tensor) else torch.full((), gamma, device=device)

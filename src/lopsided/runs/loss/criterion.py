"""From options to a loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lopsided.losses.base import Loss
from lopsided.losses.catalogue import CATALOGUE, Training
from lopsided.losses.recalibration import recalibrate
from lopsided.runs.loss.options import LossOptions


def build_criterion(
    options: LossOptions,
    *,
    num_labels: int,
    positives: Sequence[int] | None = None,
    num_samples: int | None = None,
    known: Sequence[int] | None = None,
) -> nn.Module:
    """The loss that the options name, summed over labels and averaged over samples; two_way has a mean of its own.

    Args:
        options: Name and settings.
        num_labels: Number of labels.
        positives: Samples of the training split that have each label, for losses that weigh labels by frequency.
        num_samples: Samples of the training split, for the same and for those that start after some epochs.
        known: Samples of the training split of which each label is known; by default all.

    Raises:
        ValueError: A setting is out of range, or the loss needs a count that is not given.

    >>> build_criterion(LossOptions(name="focal", gamma=3.0), num_labels=80)
    FocalLoss(gamma=3.0)
    """
    return CATALOGUE[options.name].build(options.given(), Training(num_labels, positives, num_samples, known))


def check_targets(options: LossOptions, *, smoothing: float, mixup: float) -> None:
    """Refuse what makes targets soft where the loss does not take them.

    Args:
        options: Name and settings.
        smoothing: Share of each target that is moved to 1/2.
        mixup: Alpha of mixup; 0 mixes none.

    Raises:
        ValueError: The loss takes hard targets only, or steers by a gap that smoothing would hide.
    """
    entry = CATALOGUE[options.name]
    for name, value in (("training.label_smoothing", smoothing), ("data.mixup", mixup)):
        if value and not entry.takes_soft:
            raise ValueError(f"expected no {name} with loss.name={options.name}, whose targets are 0 or 1, got {value}")
    if smoothing and entry.measures_gap:
        raise ValueError(
            f"expected no training.label_smoothing with loss.name={options.name}, whose gap would count every negative "
            f"as {smoothing / 2:g} of a positive, got {smoothing}"
        )


def check_weights(options: LossOptions, *, option: str) -> None:
    """Refuse weights of labels or samples where the loss is no sum over elements.

    Args:
        options: Name and settings.
        option: What gives the weights, such as ``training.label_weights``.
    """
    if not CATALOGUE[options.name].takes_weights:
        raise ValueError(
            f"expected no {option} with loss.name={options.name}, in which an element has no loss of its own, got some"
        )


def about_smoothing(options: LossOptions, *, smoothing: float) -> str | None:
    """A line about where smoothing leads a loss of the asymmetric family, else None.

    >>> print(about_smoothing(LossOptions(name="asymmetric"), smoothing=0.1))
    label smoothing of 0.1 leads a label that is never true to an output of 0.40, not 0.05; predict takes that back
    """
    if not smoothing or not CATALOGUE[options.name].in_family:
        return None
    loss: Any = CATALOGUE[options.name].build(options.given(), Training(num_labels=1))
    logits = torch.linspace(-20, 20, 40_001)
    shares = recalibrate(logits, gamma_pos=loss.gamma_pos, gamma_neg=loss.gamma_neg, margin=loss.margin)
    output = float(torch.sigmoid(logits[(shares < smoothing / 2).sum()]))
    if abs(output - smoothing / 2) < 0.005:
        return None
    return (
        f"label smoothing of {smoothing:g} leads a label that is never true to an output of {output:.2f}, not "
        f"{smoothing / 2:.2f}; predict takes that back"
    )


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
    for name in ("unknown", "top_k", "gamma_unknown", "frequency_threshold"):
        if name in options.given():
            raise ValueError(
                f"expected no loss.{name} on data whose train split has no unknown label, got one: leave it out, or "
                "take another loss.name"
            )
    loss = CATALOGUE[options.name].build(options.given(), Training(num_labels=1))
    return (
        "no label of the train split is unknown, so loss.name=partial is the asymmetric loss with "
        f"gamma_neg {loss.gamma_neg:g} and margin {loss.margin:g}"
    )


def unknown_labels_of(options: LossOptions) -> str:
    """What a loss does with labels that are known to be unknown, in words that follow "unknown labels are".

    >>> unknown_labels_of(LossOptions()), unknown_labels_of(LossOptions(name="partial", unknown="negative"))
    ('ignored', 'taken for negatives')
    """
    if options.name != "partial":
        return "ignored"
    given = options.given()
    words = {"ignore": "ignored", "negative": "taken for negatives"}
    frequent = " and the frequent labels" if "frequency_threshold" in given else ""
    selective = f"taken for negatives but for the likeliest{frequent}, which are ignored,"
    return words.get(given.get("unknown", "selective"), selective)


def gamma_neg_of(criterion: nn.Module, *, device: torch.device) -> Tensor:
    """The present focusing power of negatives, a scalar; the mean where each label has its own, nan without any."""
    gamma = criterion.gamma_neg if isinstance(criterion, Loss) else math.nan
    return gamma.mean() if isinstance(gamma, Tensor) else torch.full((), gamma, device=device)

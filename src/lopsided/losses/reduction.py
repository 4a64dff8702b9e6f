"""The one place that sums and averages."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.losses.checks import check_reduction


def reduce(losses: Tensor, *, mask: Tensor | None, reduction: str) -> Tensor:
    r"""Bring elementwise losses down to the asked shape.

    Args:
        losses: Weighted loss of each element in nats, shape ``(..., labels)``, 0 where unknown.
        mask: True where the label is known, broadcasts to ``losses``, or None if everything is.
        reduction: ``"none"`` keeps every element; ``"sum"`` adds them; ``"mean"`` divides the sum by the
            number of known elements (whatever their weight); ``"batchmean"`` divides it by the number of
            samples, which is that of all elements over the last dimension's size. Nothing known costs 0.

    Returns:
        A scalar, or the shape of ``losses`` for ``"none"``.
    """
    check_reduction(reduction)
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" else total / divisor(losses.shape, mask=mask, reduction=reduction)


def divisor(shape: torch.Size, *, mask: Tensor | None, reduction: str) -> int | Tensor:
    """What the sum over ``shape`` is divided by, at least 1; a tensor where known elements have to be counted."""
    if reduction == "mean":
        return max(shape.numel(), 1) if mask is None else mask.expand(shape).sum().clamp(min=1)
    if reduction == "batchmean":
        labels = shape[-1] if shape else 1
        return max(shape.numel() // max(labels, 1), 1)
    return 1

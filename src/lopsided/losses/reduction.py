"""The one place that sums and averages."""

from __future__ import annotations

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
    if reduction == "sum":
        return total
    if reduction == "batchmean":
        labels = losses.shape[-1] if losses.dim() else 1
        return total / max(losses.numel() // max(labels, 1), 1)
    if mask is None:
        return total / max(losses.numel(), 1)
    return total / mask.expand(losses.shape).sum().clamp(min=1)

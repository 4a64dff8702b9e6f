"""What operating points are made of: counts per label, which add up over batches and ranks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from lopsided.metrics.checks import check_no_nan, check_shapes, check_unit_interval, known_positives


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts per label over known elements, int64, each of shape ``(labels,)``; two of them add up with ``+``."""

    true_positives: Tensor  # predicted and positive
    predicted: Tensor
    positives: Tensor

    def __add__(self, other: Counts) -> Counts:
        if self.positives.shape != other.positives.shape:
            labels = len(self.positives), len(other.positives)
            raise ValueError(f"expected counts to have the same number of labels, got {labels[0]} and {labels[1]}")
        return Counts(
            true_positives=self.true_positives + other.true_positives,
            predicted=self.predicted + other.predicted,
            positives=self.positives + other.positives,
        )

    def all_ranks(self) -> Counts:
        """Sum over all ranks of the default process group, the same on each; without a group, these counts."""
        if not (dist.is_available() and dist.is_initialized()):
            return self
        total = torch.stack([self.true_positives, self.predicted, self.positives])
        dist.all_reduce(total)
        return Counts(*total)


def count(
    probabilities: Tensor,
    targets: Tensor,
    *,
    threshold: float | Tensor = 0.5,
    top_k: int | None = None,
    top_k_above_threshold: bool = False,
    mask: Tensor | None = None,
) -> Counts:
    """Count one batch for :func:`~lopsided.metrics.operating_point_from`, under the rules of ``operating_point``.

    Args:
        probabilities: Of the positive class, in [0, 1], shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``probabilities``.
        threshold: In [0, 1], a number or a tensor of shape ``(labels,)``.
        top_k: Labels predicted of each sample, instead of those above the threshold, 1 to ``labels``.
        top_k_above_threshold: Whether the ``top_k`` must be above the threshold as well.
        mask: True where the label is known, bool, broadcasts to ``probabilities``.

    Returns:
        Counts on the device of ``probabilities``.

    Example:
        >>> batch = count(torch.tensor([[0.9, 0.2], [0.6, 0.4]]), torch.tensor([[1, 0], [0, 1]]))
        >>> (batch + batch).predicted
        tensor([4, 0])
    """
    known = check_shapes("probabilities", probabilities, targets, mask)
    positives = known_positives(targets, known)
    check_no_nan("probabilities", probabilities, known)
    predicted = _predicted(probabilities.detach(), known, threshold, top_k, top_k_above_threshold)
    return Counts(
        true_positives=(predicted & positives).sum(dim=0),
        predicted=predicted.sum(dim=0),
        positives=positives.sum(dim=0),
    )


def _predicted(
    probabilities: Tensor, known: Tensor | None, threshold: float | Tensor, top_k: int | None, both: bool
) -> Tensor:
    """True where a known label is predicted positive."""
    if top_k is None and both:
        raise ValueError("expected top_k beside top_k_above_threshold, got None")
    chosen = torch.ones_like(probabilities, dtype=torch.bool) if known is None else known
    if top_k is not None:
        chosen = largest(probabilities, known, top_k)
    if top_k is None or both:
        chosen = chosen & predicted_above(probabilities, known, threshold)
    return chosen


def predicted_above(probabilities: Tensor, known: Tensor | None, threshold: float | Tensor) -> Tensor:
    """True where a label is known and its probability above the threshold; refuses what is no probability."""
    check_unit_interval("probabilities", probabilities, known)
    above = probabilities.to(_at_least_float32(probabilities)) > _checked_threshold(threshold, probabilities)
    return above if known is None else above & known


def largest(probabilities: Tensor, known: Tensor | None, top_k: int) -> Tensor:
    """True at the ``top_k`` largest known values of each row; of equal ones the lowest labels."""
    num_labels = probabilities.shape[1]
    if not 1 <= top_k <= num_labels:
        raise ValueError(f"expected top_k to lie in 1 to {num_labels}, the number of labels, got {top_k}")
    if known is not None:
        probabilities = probabilities.masked_fill(~known, -torch.inf)
    # torch.topk promises no order among equal values: take from it only the smallest value still chosen.
    smallest = probabilities.topk(top_k, dim=1).values[:, -1:]
    larger = probabilities > smallest
    equal = probabilities == smallest
    if known is not None:
        equal &= known
    places_left = top_k - larger.sum(dim=1, keepdim=True)
    return larger | (equal & (equal.cumsum(dim=1) <= places_left))


def _checked_threshold(threshold: float | Tensor, probabilities: Tensor) -> Tensor:
    """The threshold in the precision of the comparison, one for all labels or one each."""
    values = torch.as_tensor(threshold, dtype=_at_least_float32(probabilities), device=probabilities.device)
    if values.ndim > 0 and values.shape != probabilities.shape[1:]:
        wanted, got = tuple(probabilities.shape[1:]), tuple(values.shape)
        raise ValueError(f"expected threshold to be a number or have the shape {wanted}, got {got}")
    refused = values[~((values >= 0) & (values <= 1))]
    if refused.numel() > 0:
        raise ValueError(f"expected threshold to lie in [0, 1], got {refused[0].item():g}")
    return values


def _at_least_float32(probabilities: Tensor) -> torch.dtype:
    """Half precision is compared in float32, where a threshold of 0.3 is nearer to 0.3."""
    return torch.promote_types(probabilities.dtype, torch.float32)
